#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "cachestore/registry.h"
#include "tests/cachestore/fixtures.h"
#include "tests/support/fake_registry.h"

namespace slipway::testing {

constexpr const char* kOciManifest = "application/vnd.oci.image.manifest.v1+json";
constexpr const char* kOciIndex = "application/vnd.oci.image.index.v1+json";

/// One account for every registry; counts how often it was asked for.
struct OneAccount : cachestore::CredentialSource {
  cachestore::Credentials account;
  std::mutex mutex;
  std::vector<std::string> asked;

  explicit OneAccount(cachestore::Credentials who) : account(std::move(who)) {}
  OneAccount(std::string username, std::string password) {
    account.username = std::move(username);
    account.password = std::move(password);
  }
  Result<std::optional<cachestore::Credentials>> find(const std::string& registry) override {
    std::lock_guard lock(mutex);
    asked.push_back(registry);
    return std::optional(account);
  }
};

/// Options that wait for nothing, and what was warned of.
struct ClientWorld {
  cachestore::RegistryOptions options;
  std::shared_ptr<std::vector<std::string>> warnings = std::make_shared<std::vector<std::string>>();

  ClientWorld() {
    options.back_off = Millis(1);
    options.certificate_directories = {};
    options.warn = [seen = warnings,
                    mutex = std::make_shared<std::mutex>()](const std::string& text) {
      std::lock_guard lock(*mutex);
      seen->push_back(text);
    };
  }
  std::shared_ptr<cachestore::Registry> open() const {
    return must(cachestore::Registry::open(options));
  }
};

inline std::shared_ptr<cachestore::Registry> open_client() { return ClientWorld().open(); }

struct StringSink : cachestore::BlobSink {
  std::string bytes;
  std::vector<std::string> retries;
  void retrying(const std::string& why) override { retries.push_back(why); }
  Status write(std::string_view data) override {
    bytes += data;
    return {};
  }
};

/// A body in memory; `told` is whether its size is known from the beginning.
struct StringBody : cachestore::BlobBody {
  std::string bytes;
  bool told;
  std::size_t at = 0;
  int seeks = 0;
  std::vector<std::string> retries;
  void retrying(const std::string& why) override { retries.push_back(why); }

  explicit StringBody(std::string text, bool size_known = true)
      : bytes(std::move(text)), told(size_known) {}
  std::optional<std::uint64_t> size() const override {
    return told ? std::optional<std::uint64_t>(bytes.size()) : std::nullopt;
  }
  Status seek(std::uint64_t offset) override {
    ++seeks;
    at = static_cast<std::size_t>(offset);
    return {};
  }
  Result<std::size_t> read(char* data, std::size_t size) override {
    const std::size_t part = std::min(size, bytes.size() - at);
    std::copy_n(bytes.data() + at, part, data);
    at += part;
    return part;
  }
};

inline cachestore::Reference reference(const std::string& text) {
  return must(cachestore::Reference::parse(text));
}

inline cachestore::RemoteDescriptor descriptor_of(std::string_view bytes) {
  cachestore::RemoteDescriptor blob;
  blob.media_type = "application/octet-stream";
  blob.digest = Digest::of(bytes);
  blob.size = bytes.size();
  return blob;
}

/// Bytes that do not repeat, so that a wrong offset shows.
inline std::string sample_bytes(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 12345;
  for (char& c : bytes) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return bytes;
}

inline Result<std::string> fetch(cachestore::Registry& client, const cachestore::Reference& name,
                                 const cachestore::RemoteDescriptor& blob, std::uint64_t offset = 0,
                                 const CancelToken& cancel = {}) {
  StringSink sink;
  SLIP_TRY(client.fetch_blob(name, blob, offset, sink, cancel));
  return sink.bytes;
}

inline Status upload(cachestore::Registry& client, const cachestore::Reference& name,
                     StringBody& body, const CancelToken& cancel = {}) {
  const Digest digest = Digest::of(body.bytes);
  return client.upload_blob(
      name, body, [digest]() -> Result<Digest> { return digest; }, cancel);
}

template <typename T>
std::string error_text(const Result<T>& result) {
  return result ? "no error" : result.error().text();
}

}  // namespace slipway::testing
