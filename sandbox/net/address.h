#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::sandbox::net {

/// An IPv4 or IPv6 address as the bytes on the wire.
struct Address {
  std::array<std::uint8_t, 16> bytes{};  ///< IPv4 uses the first four.
  bool v6 = false;

  static std::optional<Address> parse(std::string_view text);  ///< No zone, no prefix.
  static Address from_bytes(std::string_view bytes);           ///< 4 or 16 of them.
  std::string str() const;
  std::size_t size() const { return v6 ? 16 : 4; }
  int bits() const { return v6 ? 128 : 32; }
  std::string_view wire() const { return {reinterpret_cast<const char*>(bytes.data()), size()}; }
  bool loopback() const { return v6 ? str() == "::1" : bytes[0] == 127; }
  bool unspecified() const { return bytes == std::array<std::uint8_t, 16>{}; }
  /// The address `count` further on; nothing at the end of the address space.
  std::optional<Address> plus(std::uint64_t count) const;
  auto operator<=>(const Address&) const = default;
};

/// A range of addresses with a common prefix.
struct Subnet {
  Address base;  ///< Bits behind the prefix are zero.
  int prefix = 0;

  /// "172.30.0.0/16"; kInvalid says what is wrong. Host bits are cleared.
  static Result<Subnet> parse(std::string_view text);
  static Subnet of(const Address& address, int prefix);
  std::string str() const { return base.str() + "/" + std::to_string(prefix); }
  bool contains(const Address& address) const;
  bool contains(const Subnet& other) const;
  bool overlaps(const Subnet& other) const;
  Address mask() const;
  Address last() const;
  auto operator<=>(const Subnet&) const = default;
};

/// "02:42:ac:11:00:02": locally administered and made from the address, so that a reused address keeps its MAC and
/// no neighbour's table becomes stale.
std::string mac_for(const Address& address);
std::optional<std::string> parse_mac(std::string_view text);  ///< Six bytes; no group address.

/// The first of the default ranges (172.17.0.0/16 and so on, or random fd00::/8 ones) that overlaps none of `taken`.
Result<Subnet> free_subnet(const std::vector<Subnet>& taken);
Result<Subnet> free_subnet6(const std::vector<Subnet>& taken);

}  // namespace slipway::sandbox::net
