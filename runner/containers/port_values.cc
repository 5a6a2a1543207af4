// Ports and addresses as docker writes them.
#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "runner/option_values.h"

namespace slipway::runner {
namespace {

struct PortRange {
  unsigned first = 0;
  unsigned last = 0;
  std::size_t size() const { return last - first + 1; }
};

tl::unexpected<Error> bad_port(const std::string& text, const std::string& cause) {
  return fail(ErrorCode::kInvalid, "port \"" + printable(text) + "\": " + cause);
}

Result<PortRange> parse_range(std::string_view range, const std::string& whole) {
  const std::size_t dash = range.find('-');
  const auto first = parse_int(range.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : parse_int(range.substr(dash + 1));
  if (!first || !last || *first < 1 || *last > 65535 || *first > *last)
    return bad_port(whole, "expected a number from 1 to 65535, or a range of them");
  return PortRange{static_cast<unsigned>(*first), static_cast<unsigned>(*last)};
}

Result<sandbox::Protocol> parse_protocol(std::string_view word, const std::string& whole) {
  if (word.empty() || word == "tcp") return sandbox::Protocol::kTcp;
  if (word == "udp") return sandbox::Protocol::kUdp;
  if (word == "sctp") return sandbox::Protocol::kSctp;
  return bad_port(whole, "protocol is tcp, udp or sctp");
}

/// Cuts "/udp" off.
Result<sandbox::Protocol> take_protocol(std::string_view& text, const std::string& whole) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return sandbox::Protocol::kTcp;
  const std::string word = to_lower(text.substr(slash + 1));
  text = text.substr(0, slash);
  return parse_protocol(word, whole);
}

/// Cuts the address off: "[::1]:8080" or "127.0.0.1:8080" or ":8080".
Result<std::string> take_address(std::string_view& text, const std::string& whole) {
  std::string address;
  if (text.starts_with('[')) {
    const std::size_t end = text.find("]:");
    if (end == std::string_view::npos) return bad_port(whole, "] is missing");
    address = std::string(text.substr(1, end - 1));
    text = text.substr(end + 2);
  } else {
    const std::size_t last = text.rfind(':');
    if (last == std::string_view::npos) return address;
    address = std::string(text.substr(0, last));
    text = text.substr(last + 1);
  }
  if (!address.empty() && !is_ipv4(address) && !is_ipv6(address))
    return bad_port(whole, "\"" + printable(address) + "\" is no address");
  return address;
}

}  // namespace

bool is_ipv4(const std::string& text) {
  in_addr address{};
  return ::inet_pton(AF_INET, text.c_str(), &address) == 1;
}
bool is_ipv6(const std::string& text) {
  in6_addr address{};
  return ::inet_pton(AF_INET6, text.c_str(), &address) == 1;
}
bool is_mac(const std::string& text) {
  const auto parts = split(text, ':');
  return parts.size() == 6 && std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
           return part.size() == 2 &&
                  part.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
         });
}

// Docker run reference, "EXPOSE (incoming ports)": -p formats.
Result<std::vector<sandbox::PublishedPort>> parse_published_ports(const std::string& text) {
  std::string_view rest = text;
  sandbox::PublishedPort port;
  port.protocol = SLIP_TRY(take_protocol(rest, text));
  std::string_view inside = rest;
  std::string_view outside;
  if (const std::size_t colon = rest.rfind(':'); colon != std::string_view::npos) {
    inside = rest.substr(colon + 1);
    outside = rest.substr(0, colon);
    port.host_ip = SLIP_TRY(take_address(outside, text));
  }
  const PortRange container = SLIP_TRY(parse_range(inside, text));
  std::vector<sandbox::PublishedPort> ports;
  if (outside.empty() || outside == "0") {  // any free ones
    for (unsigned number = container.first; number <= container.last; ++number) {
      port.container_port = static_cast<std::uint16_t>(number);
      ports.push_back(port);
    }
    return ports;
  }
  const PortRange host = SLIP_TRY(parse_range(outside, text));
  if (host.size() != container.size()) return bad_port(text, "the two ranges differ in length");
  for (unsigned i = 0; i < container.size(); ++i) {
    port.host_port = static_cast<std::uint16_t>(host.first + i);
    port.container_port = static_cast<std::uint16_t>(container.first + i);
    ports.push_back(port);
  }
  return ports;
}

Result<std::vector<std::string>> parse_exposed_ports(const std::string& text) {
  std::string_view rest = text;
  const sandbox::Protocol protocol = SLIP_TRY(take_protocol(rest, text));
  const PortRange range = SLIP_TRY(parse_range(rest, text));
  constexpr std::array<const char*, 3> kSuffix{"/tcp", "/udp", "/sctp"};
  std::vector<std::string> ports;
  for (unsigned number = range.first; number <= range.last; ++number)
    ports.push_back(std::to_string(number) + kSuffix.at(static_cast<std::size_t>(protocol)));
  return ports;
}

Result<std::pair<std::string, std::string>> parse_extra_host(const std::string& text) {
  const std::size_t border = text.find_first_of(":=");
  if (border == std::string::npos || border == 0 || border + 1 == text.size())
    return fail(ErrorCode::kInvalid, "host \"" + printable(text) + "\": expected NAME:IP");
  const std::string name = text.substr(0, border);
  std::string address = text.substr(border + 1);
  if (address.starts_with('[') && address.ends_with(']'))
    address = address.substr(1, address.size() - 2);
  if (name.find_first_of(" \t\r\n#") != std::string::npos ||
      (address != "host-gateway" && !is_ipv4(address) && !is_ipv6(address)))
    return fail(ErrorCode::kInvalid, "host \"" + printable(text) + "\": \"" + printable(address) +
                                         "\" is neither an address nor host-gateway");
  return std::pair(name, address);
}

}  // namespace slipway::runner
