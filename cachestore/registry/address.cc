// Which addresses a registry may send us to.
#include "cachestore/registry/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace slipway::cachestore {
namespace {

constexpr const char* kLoopback[] = {"127.0.0.0/8", "::1/128"};

// What answers only from inside a machine or its cloud, mostly with credentials.
constexpr const char* kMachineLocal[] = {
    "127.0.0.0/8",  // loopback
    "0.0.0.0/8",    // "this host": Linux connects 0.0.0.0 to itself
    "169.254.0.0/16",  // link-local; 169.254.169.254 and .170.2 are the metadata services of most clouds
    "100.100.100.200/32",  // metadata service of Alibaba Cloud
    "192.0.0.192/32",      // metadata service of Oracle Cloud
    "::/127",              // unspecified and loopback
    "fe80::/10",           // link-local
    "fd00:ec2::/32",       // metadata services of AWS
};

// Names that clouds resolve to their metadata service.
constexpr std::string_view kMetadataNames[] = {"metadata", "metadata.google.internal",
                                               "instance-data", "metadata.azure.internal"};

constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::uint8_t kNat64[12] = {0, 0x64, 0xff, 0x9b};  // 64:ff9b::/96, RFC 6052

bool is_localhost(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  return host == "localhost" || host.ends_with(".localhost");
}

}  // namespace

std::optional<Address> Address::parse(std::string_view text) {
  const std::string copy(text);
  Address address;
  if (::inet_pton(AF_INET6, copy.c_str(), address.bytes_.data()) == 1) {
    // 64:ff9b::a.b.c.d reaches a.b.c.d through a translator.
    if (std::equal(std::begin(kNat64), std::end(kNat64), address.bytes_.begin())) {
      std::copy(std::begin(kMapped), std::end(kMapped), address.bytes_.begin());
    }
    return address;
  }
  std::copy(std::begin(kMapped), std::end(kMapped), address.bytes_.begin());
  if (::inet_pton(AF_INET, copy.c_str(), address.bytes_.data() + 12) == 1) return address;
  return std::nullopt;
}

std::optional<Address> Address::of(const sockaddr& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.sa_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
  } else if (address.sa_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  }
  return parse(text);
}

bool Address::within(std::string_view range) const {
  const std::size_t slash = range.find('/');
  const std::optional<Address> base = parse(range.substr(0, slash));
  if (!base) return false;
  const bool v4 = range.substr(0, slash).find(':') == std::string_view::npos;
  const long long most = v4 ? 32 : 128;
  long long bits = most;
  if (slash != std::string_view::npos) {
    const auto number = parse_int(range.substr(slash + 1));
    if (!number || *number < 0 || *number > most) return false;
    bits = *number;
  }
  if (v4) bits += 96;
  for (std::size_t i = 0; i < bytes_.size() && bits > 0; ++i, bits -= 8) {
    const int mask = bits >= 8 ? 0xff : 0xff << (8 - bits) & 0xff;
    if (((bytes_[i] ^ base->bytes_[i]) & mask) != 0) return false;
  }
  return true;
}

bool Address::loopback() const {
  return std::any_of(std::begin(kLoopback), std::end(kLoopback),
                     [this](const char* range) { return within(range); });
}

bool Address::machine_local() const {
  return std::any_of(std::begin(kMachineLocal), std::end(kMachineLocal),
                     [this](const char* range) { return within(range); });
}

bool is_loopback_host(std::string_view host) {
  const std::optional<Address> address = Address::parse(host);
  return address ? address->loopback() : is_localhost(host);
}

bool is_machine_local_host(std::string_view host) {
  if (const std::optional<Address> address = Address::parse(host)) return address->machine_local();
  if (host.ends_with('.')) host.remove_suffix(1);
  return is_localhost(host) || std::find(std::begin(kMetadataNames), std::end(kMetadataNames),
                                         host) != std::end(kMetadataNames);
}

}  // namespace slipway::cachestore
