// SHA-256 by OpenSSL's block function. Not through EVP: its first use sets up providers and reads openssl.cnf, 0.9
// ms of a program that starts a container in a few; the code behind both (with SHA-NI) is the same.
#include "base/digest.h"

#include <openssl/sha.h>

namespace slipway {
namespace {

constexpr std::string_view kPrefix = "sha256:";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

// Deprecated in OpenSSL 3.0 in favour of EVP, for programs that want to exchange the implementation.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

struct Sha256::Context {
  SHA256_CTX state;
};

// These calls return 1 always: the functions cannot fail.
Sha256::Sha256() : context_(std::make_unique<Context>()) { SHA256_Init(&context_->state); }
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view data) {
  SHA256_Update(&context_->state, data.data(), data.size());
}

void Sha256::update(std::span<const std::byte> data) {
  SHA256_Update(&context_->state, data.data(), data.size());
}

Digest Sha256::finish() {
  std::array<std::uint8_t, Digest::kBytes> bytes{};
  SHA256_Final(bytes.data(), &context_->state);
  return Digest(bytes);
}

#pragma GCC diagnostic pop

Result<Digest> Digest::parse(std::string_view text) {
  const auto bad = [&](std::string_view cause) {
    // A hostile text may be long or hold control bytes: only its length is repeated.
    return fail(ErrorCode::kInvalid,
                "parse digest of " + std::to_string(text.size()) + " bytes: " + std::string(cause));
  };
  if (!text.starts_with(kPrefix)) return bad("must start with sha256:");
  const std::string_view digits = text.substr(kPrefix.size());
  if (digits.size() != 2 * kBytes) return bad("must have 64 hex digits");
  std::array<std::uint8_t, kBytes> bytes{};
  for (std::size_t i = 0; i < kBytes; ++i) {
    const int high = hex_value(digits[2 * i]);
    const int low = hex_value(digits[2 * i + 1]);
    if (high < 0 || low < 0) return bad("must have lower-case hex digits only");
    bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return Digest(bytes);
}

Digest Digest::of(std::string_view data) {
  Sha256 hasher;
  hasher.update(data);
  return hasher.finish();
}

std::string Digest::hex() const {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(2 * kBytes);
  for (const std::uint8_t byte : bytes_) {
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

std::string Digest::str() const { return std::string(kPrefix) + hex(); }

}  // namespace slipway
