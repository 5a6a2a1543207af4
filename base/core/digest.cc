// SHA-256 through OpenSSL's EVP. The algorithm object is fetched once: a lookup per hash costs more
// than hashing a small file does.
#include "base/digest.h"

#include <openssl/evp.h>

#include <cstdlib>

namespace slipway {
namespace {

constexpr std::string_view kPrefix = "sha256:";

const EVP_MD* sha256() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}

// OpenSSL fails here only without memory or without its default provider; nothing can go on without
// digests.
void require(bool ok) {
  if (!ok) std::abort();
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

struct Sha256::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(evp); }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  require(context_->evp != nullptr && EVP_DigestInit_ex2(context_->evp, sha256(), nullptr) == 1);
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view data) {
  require(EVP_DigestUpdate(context_->evp, data.data(), data.size()) == 1);
}

void Sha256::update(std::span<const std::byte> data) {
  require(EVP_DigestUpdate(context_->evp, data.data(), data.size()) == 1);
}

Digest Sha256::finish() {
  std::array<std::uint8_t, Digest::kBytes> bytes{};
  require(EVP_DigestFinal_ex(context_->evp, bytes.data(), nullptr) == 1);
  return Digest(bytes);
}

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
