#pragma once

#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "sandbox/container_config.h"
#include "sandbox/net/address.h"

namespace slipway::sandbox::net {

/// A port of the host held for a container by sockets of ours, so that nobody else can have it, and it is free again
/// with the process however that ends. TCP ones listen: what the firewall does not redirect, the relay serves.
struct HeldPort {
  PublishedPort port;  ///< host_port is never 0.
  struct Socket {
    Fd fd;  ///< Non-blocking.
    Address host;
  };
  std::vector<Socket> sockets;  ///< One per address family.
};

/// kConflict "publish port 0.0.0.0:8080/tcp: …" when it is taken.
Result<HeldPort> hold_port(const PublishedPort& port);
std::string_view protocol_name(Protocol protocol);  ///< "tcp"

}  // namespace slipway::sandbox::net
