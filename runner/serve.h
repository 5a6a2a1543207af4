#pragma once

#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"

namespace slipway::runner {

/// What `runner engine` was asked for. The server's room stands above this one, so main() tells which function serves.
struct EngineServerOptions {
  std::string state_dir;
  std::vector<std::string>
      addresses;  ///< "unix:///run/slipway/docker.sock", "tcp://127.0.0.1:2376"
  unsigned socket_mode = 0660;
  std::string socket_group;
  std::string tls_certificate, tls_key, tls_ca;  ///< PEM files, of TCP addresses.
};
/// Serves until cancelled. `ready` is called with the addresses once clients can connect.
using EngineServer = Status (*)(const EngineServerOptions& options, const CancelToken& cancel,
                                void (*ready)(const std::vector<std::string>& addresses));
void set_engine_server(EngineServer server);
EngineServer engine_server();

}  // namespace slipway::runner
