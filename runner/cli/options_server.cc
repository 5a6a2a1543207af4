// The part of the option table that is about serving.
#include "runner/cli/commands.h"
#include "runner/cli/option_tables.h"

namespace slipway::runner {
namespace {

constexpr auto kValue = OptionKind::kValue;

constexpr OptionSpec kEngine[] = {
    {"docker-socket", 0, "PATH",
     "the unix socket; default /run/slipway/docker.sock, for a user "
     "$XDG_RUNTIME_DIR/slipway/docker.sock; empty: "
     "none",
     kValue, Complete::kFile},
    {"listen", 0, "ADDRESS", "further addresses: unix:///PATH, tcp://HOST:PORT", OptionKind::kList},
    {"socket-mode", 0, "MODE", "octal; default 0660", kValue},
    {"socket-group", 0, "GROUP", "who may use the socket beside its owner", kValue},
    {"tlscert", 0, "FILE", "certificate of TCP addresses (PEM)", kValue, Complete::kFile},
    {"tlskey", 0, "FILE", "its key (PEM)", kValue, Complete::kFile},
    {"tlscacert", 0, "FILE",
     "clients of TCP addresses must show a certificate of this authority (PEM)", kValue,
     Complete::kFile},
};
constexpr Example kEngineExamples[] = {
    {"runner engine", "serve docker's clients on the default socket"},
    {"runner engine --docker-socket /run/docker.sock --socket-group docker",
     "where docker's clients look by themselves"},
};

constexpr CommandSpec kRows[] = {
    {"engine",
     "",
     Group::kMachine,
     "serve the Docker Engine API",
     "Listens on a unix socket and answers docker's clients: the docker command, compose, "
     "docker-py, dockerode, "
     "testcontainers. Containers do not belong to this process: it may be stopped or killed at any "
     "time, and they go "
     "on.\n"
     "\n"
     "Whoever can use the socket can do what its owner can. TCP beyond the loopback is refused "
     "without TLS that asks "
     "clients for certificates.",
     kEngineExamples,
     kEngine,
     {},
     Grammar::kAnywhere,
     2,
     engine_command},
};

}  // namespace

std::span<const CommandSpec> server_command_rows() { return kRows; }

}  // namespace slipway::runner
