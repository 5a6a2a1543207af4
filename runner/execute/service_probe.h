#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/units.h"

namespace slipway::runner {

/// A server as the others on its network see it. Asked from inside its own network namespace, because an ordinary
/// user's networks cannot be reached from the machine.
struct ProbeTarget {
  int network_namespace = -1;  ///< Borrowed.
  std::string
      address;  ///< IPv4, of its place on the network: a server on 127.0.0.1 alone is not reachable.
  std::uint16_t port = 0;
};

/// Whether it takes a connection.
Status probe_tcp(const ProbeTarget& target, Millis patience);
/// Whether it answers GET `path` with 2xx or 3xx; `host` is the request's Host.
Status probe_http(const ProbeTarget& target, const std::string& host, const std::string& path,
                  Millis patience);

/// "8080/up" -> {8080, "/up"}; "8080" asks for "/".
struct HttpPlace {
  std::uint16_t port = 0;
  std::string path;
};
Result<HttpPlace> parse_http_place(const std::string& text);
Result<std::uint16_t> parse_port(const std::string& text);

}  // namespace slipway::runner
