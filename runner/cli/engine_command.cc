// `runner engine`: the docker-compatible daemon.
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/files.h"
#include "base/text.h"
#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/create_request.h"
#include "runner/cli/signals.h"
#include "runner/serve.h"

namespace slipway::runner {
namespace {

/// Of root in /run, of a person in their own directory there.
Result<std::string> default_socket() {
  if (::geteuid() == 0) return std::string("/run/slipway/docker.sock");
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && *runtime == '/') return std::string(runtime) + "/slipway/docker.sock";
  return fail(ErrorCode::kInvalid,
              "choose a socket: XDG_RUNTIME_DIR is not set; give --docker-socket PATH");
}

Result<unsigned> read_mode(const std::string& text) {
  char* end = nullptr;
  const unsigned long mode = std::strtoul(text.c_str(), &end, 8);
  if (text.empty() || *end != '\0' || mode > 0777)
    return bad_option("socket-mode", text, "expected an octal mode such as 0660");
  return static_cast<unsigned>(mode);
}

void say_ready(const std::vector<std::string>& addresses) {
  for (const std::string& address : addresses) print_note("API listen on " + address + "\n");
  if (!addresses.empty() && addresses.front().starts_with("unix://"))
    print_note("use it: export DOCKER_HOST=" + addresses.front() + "\n");
}

Status serve(const Invocation& invocation) {
  EngineServerOptions options;
  options.state_dir = state_dir(invocation);
  const std::string socket = invocation.given("docker-socket") ? invocation.value("docker-socket")
                                                               : SLIP_TRY(default_socket());
  if (!socket.empty()) {
    if (!socket.starts_with('/'))
      return bad_option("docker-socket", socket, "expected an absolute path");
    SLIP_TRY(make_dirs(socket.substr(0, socket.rfind('/') + 1), 0755));
    options.addresses.push_back("unix://" + socket);
  }
  for (const std::string& address : invocation.list("listen")) options.addresses.push_back(address);
  if (options.addresses.empty())
    return fail(ErrorCode::kInvalid, "nothing to listen at: give --docker-socket or --listen");
  options.socket_mode = SLIP_TRY(read_mode(invocation.value("socket-mode", "0660")));
  options.socket_group = invocation.value("socket-group");
  options.tls_certificate = invocation.value("tlscert");
  options.tls_key = invocation.value("tlskey");
  options.tls_ca = invocation.value("tlscacert");
  const CancelToken cancel;
  // No thread may exist before the engine has entered its namespaces; this only sets handlers.
  const CancelOnSignal on_signal(cancel);
  if (engine_server() == nullptr)
    return fail(ErrorCode::kUnsupported, "serve: this program was built without the server");
  return engine_server()(options, cancel, say_ready);
}

}  // namespace

int engine_command(const Invocation& invocation) {
  const Status served = serve(invocation);
  return served ? 0 : report_error(served.error(), invocation);
}

}  // namespace slipway::runner
