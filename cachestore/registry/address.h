#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct sockaddr;

namespace slipway::cachestore {

/// An IPv4 or IPv6 address; IPv4 is kept as ::ffff:a.b.c.d, so that no form of it escapes a rule.
class Address {
 public:
  /// A literal without brackets; no zone.
  static std::optional<Address> parse(std::string_view text);
  static std::optional<Address> of(const sockaddr& address);
  /// "10.0.0.0/8" or a bare address.
  bool within(std::string_view range) const;
  bool loopback() const;
  /// Reachable from this machine only, or the cloud's own: loopback, unspecified, link-local, metadata services.
  bool machine_local() const;
  bool operator==(const Address&) const = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

/// A host as it stands in a URL: a literal address or a name. Names are not looked up.
bool is_loopback_host(std::string_view host);
bool is_machine_local_host(std::string_view host);

}  // namespace slipway::cachestore
