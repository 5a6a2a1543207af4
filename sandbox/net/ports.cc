// Sockets that hold published ports.
#include "sandbox/net/ports.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "sandbox/net/socket_address.h"

namespace slipway::sandbox::net {
namespace {

// A random port has to be free in both address families.
constexpr int kRandomAttempts = 32;
constexpr int kBacklog = 128;

std::string describe(const Address& host, std::uint16_t port, Protocol protocol) {
  const std::string address = host.v6 ? "[" + host.str() + "]" : host.str();
  return "publish port " + address + ":" + std::to_string(port) + "/" +
         std::string(protocol_name(protocol));
}

Result<Fd> make_socket(const Address& host, Protocol protocol) {
  const int type = protocol == Protocol::kUdp ? SOCK_DGRAM : SOCK_STREAM;
  Fd fd(::socket(host.v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK,
                 protocol == Protocol::kSctp ? IPPROTO_SCTP : 0));
  if (!fd && (errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT)) {
    return fail(ErrorCode::kUnsupported,
                "publish a port: this kernel has no " +
                    std::string(host.v6 ? "IPv6" : protocol_name(protocol)),
                errno);
  }
  if (!fd) return fail_errno("make a socket");
  const int on = 1;
  if (host.v6) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  // Old connections that linger do not count; a listener does. With UDP two holders would not notice each other.
  if (protocol != Protocol::kUdp) ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  return fd;
}

Result<Fd> hold_socket(const Address& host, std::uint16_t port, Protocol protocol) {
  Fd fd = SLIP_TRY(make_socket(host, protocol));
  const SocketAddress address(host, port);
  int result = ::bind(fd.get(), address.get(), address.size());
  if (result == 0 && protocol != Protocol::kUdp) result = ::listen(fd.get(), kBacklog);
  if (result == 0) return fd;
  const int error = errno;
  const std::string doing = describe(host, port, protocol);
  if (error == EADDRINUSE)
    return fail(ErrorCode::kConflict, doing + ": the port is in use on this machine", error);
  if (error == EADDRNOTAVAIL)
    return fail(ErrorCode::kInvalid, doing + ": this machine has no such address", error);
  if (error == EACCES)
    return fail(ErrorCode::kPermission,
                doing + ": ports below net.ipv4.ip_unprivileged_port_start are for root", error);
  return fail(errno_error(error, doing));
}

std::uint16_t port_of(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size);
  return SocketAddress::port_of(storage);
}

Result<HeldPort> hold_on(const std::vector<Address>& hosts, const PublishedPort& wanted) {
  HeldPort held{wanted, {}};
  for (const Address& host : hosts) {
    auto fd = hold_socket(host, held.port.host_port, wanted.protocol);
    // "All addresses" on a machine without IPv6 is IPv4.
    if (!fd && host.v6 && hosts.size() > 1 && fd.error().code() != ErrorCode::kConflict) continue;
    if (!fd) return fail(fd.error());
    held.port.host_port = port_of(fd->get());
    held.sockets.push_back({*std::move(fd), host});
  }
  return held;
}

}  // namespace

std::string_view protocol_name(Protocol protocol) {
  switch (protocol) {
    case Protocol::kTcp:
      return "tcp";
    case Protocol::kUdp:
      return "udp";
    case Protocol::kSctp:
      return "sctp";
  }
  return "";
}

Result<HeldPort> hold_port(const PublishedPort& port) {
  std::vector<Address> hosts;
  if (port.host_ip.empty()) {
    hosts = {*Address::parse("0.0.0.0"), *Address::parse("::")};
  } else if (const auto address = Address::parse(port.host_ip)) {
    hosts = {*address};
  } else {
    return fail(ErrorCode::kInvalid, "publish a port: \"" + printable(port.host_ip) +
                                         "\" is no address of this machine");
  }
  for (int attempt = 0;; ++attempt) {
    auto held = hold_on(hosts, port);
    const bool again = !held && port.host_port == 0 && attempt < kRandomAttempts &&
                       held.error().code() == ErrorCode::kConflict;
    if (!again) return held;
  }
}

}  // namespace slipway::sandbox::net
