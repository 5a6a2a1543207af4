// `runner engine`: the engine and its sockets.
#include "web/serve.h"

#include <unistd.h>

#include <array>

#include "web/docker_api/api.h"
#include "web/http/server.h"

namespace slipway::web {
namespace {

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : "localhost";
}

}  // namespace

Status serve_engine(const runner::EngineServerOptions& options, const CancelToken& cancel,
                    void (*ready)(const std::vector<std::string>& addresses)) {
  const bool rootless = ::geteuid() != 0;
  ServerOptions wanted;
  for (const std::string& text : options.addresses) {
    ListenAddress address = SLIP_TRY(ListenAddress::parse(text));
    address.mode = options.socket_mode;
    address.group = options.socket_group;
    if (address.path.empty())
      address.tls = {options.tls_certificate, options.tls_key, options.tls_ca};
    wanted.addresses.push_back(std::move(address));
  }
  docker_api::Engine engine;
  engine.world = SLIP_TRY(runner::open_engine_world(options.state_dir));
  engine.host_name = host_name();
  engine.rootless = rootless;
  const auto server = SLIP_TRY(Server::open(std::move(wanted), [&engine](Exchange& exchange) {
    docker_api::serve_call(engine, exchange);
  }));
  if (ready != nullptr) ready(server->addresses());
  return server->run(cancel);
}

}  // namespace slipway::web
