#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>

#include "base/guarded.h"
#include "cachestore/registry.h"

namespace slipway::testing {

/// A registry without a network: what it holds, what it was asked, and hooks to lie with. Thread-safe as the real one.
class MemoryRegistry : public cachestore::Registry {
 public:
  using Reference = cachestore::Reference;
  using Descriptor = cachestore::RemoteDescriptor;

  struct State {
    std::map<std::string, std::string> blobs;      ///< "repository@sha256:…"
    std::map<std::string, std::string> manifests;  ///< "repository@sha256:…"
    std::map<std::string, std::string> types;      ///< Of manifests.
    std::map<std::string, std::string> tags;       ///< "repository:tag" -> "sha256:…"
    std::map<std::string, int> calls;              ///< By function.
    std::uint64_t sent = 0;                        ///< Bytes of blobs.
    std::uint64_t received = 0;
  };
  Guarded<State> state;
  /// Replaces what is sent of a blob; may be null.
  std::function<std::string(const Digest&, std::string bytes)> tamper;
  /// Called with each piece before it is given to the sink; an error breaks the transfer.
  std::function<Status(const Digest&, std::uint64_t at)> before_piece;
  std::size_t piece = std::size_t{16} << 10;

  Digest put_blob(const std::string& repository, const std::string& bytes) {
    const Digest digest = Digest::of(bytes);
    state.with([&](State& s) { s.blobs[repository + "@" + digest.str()] = bytes; });
    return digest;
  }
  Digest put_manifest(const std::string& repository, const std::string& tag,
                      const std::string& type, const std::string& bytes) {
    const Digest digest = Digest::of(bytes);
    state.with([&](State& s) {
      s.manifests[repository + "@" + digest.str()] = bytes;
      s.types[repository + "@" + digest.str()] = type;
      if (!tag.empty()) s.tags[repository + ":" + tag] = digest.str();
    });
    return digest;
  }
  int calls(const std::string& what) {
    return state.with([&](State& s) { return s.calls[what]; });
  }
  std::uint64_t sent() {
    return state.with([](State& s) { return s.sent; });
  }
  std::string manifest_of(const std::string& repository, const Digest& digest) {
    return state.with([&](State& s) { return s.manifests[repository + "@" + digest.str()]; });
  }

  Result<cachestore::RemoteManifest> manifest(const Reference& name, const CancelToken&) override {
    return state.with([&](State& s) -> Result<cachestore::RemoteManifest> {
      ++s.calls["manifest"];
      const std::string key = key_of(s, name);
      const auto found = s.manifests.find(key);
      if (found == s.manifests.end()) {
        return fail(ErrorCode::kNotFound, "fetch manifest " + name.familiar() + ": not found");
      }
      return cachestore::RemoteManifest{s.types[key], Digest::of(found->second), found->second};
    });
  }
  Result<std::optional<Descriptor>> find_manifest(const Reference& name,
                                                  const CancelToken&) override {
    return state.with([&](State& s) -> Result<std::optional<Descriptor>> {
      ++s.calls["find_manifest"];
      const std::string key = key_of(s, name);
      const auto found = s.manifests.find(key);
      if (found == s.manifests.end()) return std::optional<Descriptor>();
      return std::optional(
          Descriptor{s.types[key], Digest::of(found->second), found->second.size(), {}});
    });
  }
  Status fetch_blob(const Reference& name, const Descriptor& blob, std::uint64_t offset,
                    cachestore::BlobSink& sink, const CancelToken& cancel) override {
    std::string bytes = state.with([&](State& s) {
      ++s.calls["fetch_blob"];
      return s.blobs[name.repository + "@" + blob.digest.str()];
    });
    if (tamper) bytes = tamper(blob.digest, std::move(bytes));
    for (std::uint64_t at = offset; at < bytes.size();) {
      if (cancel.cancelled()) return fail(ErrorCode::kCancelled, "fetch blob: cancelled");
      if (before_piece) {
        Status go_on = before_piece(blob.digest, at);
        if (!go_on) return go_on;
      }
      const std::string_view part = std::string_view(bytes).substr(at, piece);
      state.with([&](State& s) { s.sent += part.size(); });
      Status written = sink.write(part);
      if (!written) return written;
      at += part.size();
    }
    return {};
  }
  Result<bool> has_blob(const Reference& name, const Digest& digest, const CancelToken&) override {
    return state.with([&](State& s) -> Result<bool> {
      ++s.calls["has_blob"];
      return s.blobs.contains(name.repository + "@" + digest.str());
    });
  }
  Result<bool> mount_blob(const Reference& to, const std::string& from, const Digest& digest,
                          const CancelToken&) override {
    return state.with([&](State& s) -> Result<bool> {
      ++s.calls["mount_blob"];
      const auto found = s.blobs.find(from + "@" + digest.str());
      if (found == s.blobs.end()) return false;
      const std::string bytes = found->second;
      s.blobs[to.repository + "@" + digest.str()] = bytes;
      return true;
    });
  }
  Status upload_blob(const Reference& name, cachestore::BlobBody& body,
                     const std::function<Result<Digest>()>& digest, const CancelToken&) override {
    std::string bytes;
    std::string chunk(10'000, '\0');
    for (;;) {
      auto n = body.read(chunk.data(), chunk.size());
      if (!n) return fail(std::move(n).error());
      if (*n == 0) break;
      bytes.append(chunk, 0, *n);
      if (upload_break && bytes.size() > upload_break) {
        // A resumed upload: a part did not arrive.
        const std::size_t kept = upload_break / 2;
        upload_break = 0;
        Status back = body.seek(kept);
        if (!back) return back;
        bytes.resize(kept);
      }
    }
    auto promised = digest();
    if (!promised) return fail(std::move(promised).error());
    if (body.size() && *body.size() != bytes.size()) {
      return fail(ErrorCode::kInternal, "the body is not as long as it says");
    }
    if (Digest::of(bytes) != *promised) {
      return fail(ErrorCode::kInvalid, "upload blob: DIGEST_INVALID");
    }
    state.with([&](State& s) {
      ++s.calls["upload_blob"];
      s.received += bytes.size();
      s.blobs[name.repository + "@" + promised->str()] = bytes;
    });
    return {};
  }
  Result<Digest> put_manifest(const Reference& name, const std::string& media_type,
                              std::string_view bytes, const CancelToken&) override {
    state.with([&](State& s) { ++s.calls["put_manifest"]; });
    return put_manifest(name.repository, name.tag, media_type, std::string(bytes));
  }
  Result<std::vector<std::string>> tags(const Reference&, const CancelToken&) override {
    return std::vector<std::string>();
  }
  Status remove_manifest(const Reference&, const CancelToken&) override { return {}; }
  Result<std::vector<Descriptor>> referrers(const Reference&, const Digest&, const std::string&,
                                            const CancelToken&) override {
    return std::vector<Descriptor>();
  }
  Result<cachestore::Credentials> log_in(const std::string&, const cachestore::Credentials& account,
                                         const CancelToken&) override {
    return account;
  }

  std::size_t upload_break = 0;  ///< Once, when so many bytes have come, half of them are lost.

 private:
  static std::string key_of(State& s, const Reference& name) {
    if (name.digest) return name.repository + "@" + name.digest->str();
    return name.repository + "@" + s.tags[name.repository + ":" + name.tag];
  }
};

}  // namespace slipway::testing
