// Addresses, prefixes and the choice of a free range; plain arithmetic.
#include "sandbox/net/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "base/random.h"
#include "base/text.h"

namespace slipway::sandbox::net {
namespace {

void clear_bits_behind(Address& address, int prefix) {
  for (int bit = prefix; bit < address.bits(); ++bit) {
    const auto place = static_cast<std::size_t>(bit / 8);
    address.bytes[place] = static_cast<std::uint8_t>(address.bytes[place] & ~(0x80u >> (bit % 8)));
  }
}

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
  Address address;
  const std::string copy(text);  // inet_pton wants a NUL; one inside the text would hide the rest.
  if (copy.size() > 45 || copy.find('\0') != std::string::npos) return std::nullopt;
  address.v6 = copy.find(':') != std::string::npos;
  if (::inet_pton(address.v6 ? AF_INET6 : AF_INET, copy.c_str(), address.bytes.data()) != 1)
    return std::nullopt;
  return address;
}

Address Address::from_bytes(std::string_view bytes) {
  Address address;
  address.v6 = bytes.size() == 16;
  std::memcpy(address.bytes.data(), bytes.data(), std::min<std::size_t>(bytes.size(), 16));
  return address;
}

std::string Address::str() const {
  char text[INET6_ADDRSTRLEN];
  ::inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), text, sizeof text);
  return text;
}

std::optional<Address> Address::plus(std::uint64_t count) const {
  Address sum = *this;
  for (std::size_t i = size(); i-- > 0 && count != 0;) {
    const std::uint64_t digit = sum.bytes[i] + (count & 0xff);
    sum.bytes[i] = static_cast<std::uint8_t>(digit);
    count = (count >> 8) + (digit >> 8);
  }
  if (count != 0) return std::nullopt;
  return sum;
}

Result<Subnet> Subnet::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = Address::parse(text.substr(0, slash));
  const auto prefix =
      slash == std::string_view::npos ? std::nullopt : parse_int(text.substr(slash + 1));
  if (!address || !prefix || *prefix < 0 || *prefix > address->bits()) {
    return fail(ErrorCode::kInvalid, "parse subnet \"" + printable(text.substr(0, 60)) +
                                         "\": expected ADDRESS/PREFIX, like 172.30.0.0/16");
  }
  return of(*address, static_cast<int>(*prefix));
}

Subnet Subnet::of(const Address& address, int prefix) {
  Subnet subnet{address, prefix};
  clear_bits_behind(subnet.base, prefix);
  return subnet;
}

bool Subnet::contains(const Address& address) const {
  return address.v6 == base.v6 && of(address, prefix).base == base;
}

bool Subnet::contains(const Subnet& other) const {
  return other.prefix >= prefix && contains(other.base);
}

bool Subnet::overlaps(const Subnet& other) const {
  return contains(other) || other.contains(*this);
}

Address Subnet::mask() const {
  Address mask;
  mask.v6 = base.v6;
  std::fill_n(mask.bytes.begin(), mask.size(), std::uint8_t{0xff});
  clear_bits_behind(mask, prefix);
  return mask;
}

Address Subnet::last() const {
  Address last = base;
  const Address ones = mask();
  for (std::size_t i = 0; i < last.size(); ++i)
    last.bytes[i] = static_cast<std::uint8_t>(last.bytes[i] | ~ones.bytes[i]);
  return last;
}

std::string mac_for(const Address& address) {
  const std::uint8_t* tail = address.bytes.data() + address.size() - 4;
  char text[18];
  std::snprintf(text, sizeof text, "02:42:%02x:%02x:%02x:%02x", tail[0], tail[1], tail[2], tail[3]);
  return text;
}

std::optional<std::string> parse_mac(std::string_view text) {
  std::string mac;
  const auto parts = split(text, ':');
  if (parts.size() != 6) return std::nullopt;
  for (const std::string_view part : parts) {
    if (part.size() != 2) return std::nullopt;
    unsigned byte = 0;
    for (const char c : part) {
      const char* digits = "0123456789abcdef";
      const char* at = std::strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);
      if (at == nullptr || *at == '\0') return std::nullopt;
      byte = byte * 16 + static_cast<unsigned>(at - digits);
    }
    mac += static_cast<char>(byte);
  }
  if ((mac[0] & 1) != 0 || mac == std::string(6, '\0')) return std::nullopt;
  return mac;
}

Result<Subnet> free_subnet(const std::vector<Subnet>& taken) {
  const auto is_free = [&](const Subnet& wanted) {
    return std::none_of(taken.begin(), taken.end(),
                        [&](const Subnet& other) { return other.overlaps(wanted); });
  };
  // Docker's order and sizes, so that people find what they expect.
  for (int second = 17; second < 32; ++second) {
    const Subnet wanted = *Subnet::parse("172." + std::to_string(second) + ".0.0/16");
    if (is_free(wanted)) return wanted;
  }
  for (int third = 0; third < 256; third += 16) {
    const Subnet wanted = *Subnet::parse("192.168." + std::to_string(third) + ".0/20");
    if (is_free(wanted)) return wanted;
  }
  for (int second = 0; second < 256; ++second) {
    const Subnet wanted = *Subnet::parse("10." + std::to_string(second) + ".0.0/16");
    if (is_free(wanted)) return wanted;
  }
  return fail(ErrorCode::kExhausted,
              "choose a subnet: every private range overlaps a route or network of this machine; "
              "name one with --subnet");
}

Result<Subnet> free_subnet6(const std::vector<Subnet>& taken) {
  // RFC 4193: 40 random bits behind fd00::/8.
  for (int attempt = 0; attempt < 16; ++attempt) {
    const std::string digits = random_hex(5);
    const Subnet wanted = *Subnet::parse("fd" + digits.substr(0, 2) + ":" + digits.substr(2, 4) +
                                         ":" + digits.substr(6, 4) + "::/64");
    if (std::none_of(taken.begin(), taken.end(),
                     [&](const Subnet& other) { return other.overlaps(wanted); }))
      return wanted;
  }
  return fail(ErrorCode::kExhausted, "choose an IPv6 subnet: no free one found");
}

}  // namespace slipway::sandbox::net
