// Foreground containers and execs: signals and terminal around the relay.
#include "runner/cli/attach_session.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner/execute/terminal.h"

namespace slipway::runner {
namespace {

constexpr int kForceAfter = 3;  // as docker: the third Ctrl-C gives up on asking

bool urgent(int signal) { return signal == SIGINT || signal == SIGTERM || signal == SIGHUP; }

}  // namespace

Status check_terminal(bool tty, bool interactive) {
  if (!tty || !interactive || ::isatty(STDIN_FILENO) == 1) return {};
  return fail(ErrorCode::kInvalid,
              "open terminal: standard input is not a terminal; leave out -t to use a pipe");
}

Result<std::unique_ptr<AttachSession>> AttachSession::open(SessionOptions options) {
  DetachKeys keys = SLIP_TRY_WITHIN("option --detach-keys", DetachKeys::parse(options.detach_keys));
  std::optional<SignalPipe> signals;
  // Without somewhere to go only the window's changes are caught.
  if (options.signal)
    signals.emplace(SLIP_TRY(
        SignalPipe::open({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH})));
  else
    signals.emplace(SLIP_TRY(SignalPipe::open({SIGWINCH})));
  return std::make_unique<AttachSession>(std::move(options), std::move(keys), std::move(signals));
}

void AttachSession::forward_signals(bool tty) {
  while (const std::optional<int> signal = signals_->next()) {
    if (*signal == SIGWINCH) {
      if (tty && options_.resize) (void)options_.resize(terminal_size(STDOUT_FILENO));
      continue;
    }
    if (!options_.signal) continue;
    const bool force = urgent(*signal) && ++urgent_signals_ >= kForceAfter;
    (void)options_.signal(force ? SIGKILL : *signal);
  }
}

RelayEnd AttachSession::run(const sandbox::Attachment& attachment) {
  std::optional<PersonTerminal> person =
      attachment.tty && options_.input ? PersonTerminal::open() : std::nullopt;
  if (person) person->make_raw();
  const int stream = attachment.stream.get();
  RelayOptions relay;
  relay.remote = stream;
  relay.framed = !attachment.tty;
  relay.input = options_.input ? STDIN_FILENO : -1;
  relay.output = options_.output ? STDOUT_FILENO : -1;
  relay.error = options_.error ? STDERR_FILENO : -1;
  relay.end_input = [stream] { ::shutdown(stream, SHUT_WR); };
  relay.keys = person ? &keys_ : nullptr;
  relay.wake = signals_->fd();
  relay.on_wake = [this, tty = attachment.tty] { forward_signals(tty); };
  relay.deadline = options_.deadline;
  // Nobody reads any more: the process is to learn it as it would from a pipe of its own (`run … yes | head`).
  relay.on_broken_output = [this] {
    if (options_.signal) (void)options_.signal(SIGPIPE);
  };
  if (!options_.input) ::shutdown(stream, SHUT_WR);
  const RelayEnd end = run_relay(relay);
  if (person) person->restore();
  return end;
}

}  // namespace slipway::runner
