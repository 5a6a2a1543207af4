// Signal handlers of the program. Handlers only store and write(2); what follows happens in ordinary threads.
#include "runner/cli/signals.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>

#include "base/sys.h"

namespace slipway::runner {
namespace {

constexpr int kSignals = 65;  // _NSIG of Linux

std::array<struct sigaction, kSignals> saved_actions;
std::array<bool, kSignals> changed_actions;

void catch_signal(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  const auto index = static_cast<std::size_t>(signal);
  changed_actions[index] = ::sigaction(signal, &action, &saved_actions[index]) == 0;
  // nohup(1) must work. An ignored SIGINT is caught all the same: shells ignore it in every background job of a script,
  // and `kill -INT` is how such a run is meant to be ended.
  if (signal == SIGHUP && changed_actions[index] && saved_actions[index].sa_handler == SIG_IGN) {
    ::sigaction(signal, &saved_actions[index], nullptr);
  }
}

void restore_signals() {
  for (std::size_t signal = 0; signal < changed_actions.size(); ++signal) {
    if (std::exchange(changed_actions[signal], false)) {
      ::sigaction(static_cast<int>(signal), &saved_actions[signal], nullptr);
    }
  }
}

std::atomic<const CancelToken*> cancel_target{nullptr};
std::atomic<int> cancel_count{0};

void on_cancel_signal(int) {
  const int saved = errno;
  const CancelToken* token = cancel_target.load();
  if (token != nullptr)
    token->cancel(cancel_count.fetch_add(1) == 0 ? CancelLevel::kTerminate : CancelLevel::kKill);
  errno = saved;
}

std::atomic<int> signal_pipe_fd{-1};

void on_piped_signal(int signal) {
  const int saved = errno;
  const auto byte = static_cast<unsigned char>(signal);
  // A full pipe already holds 64 Ki unread signals; one more tells nothing new.
  [[maybe_unused]] const ssize_t written = ::write(signal_pipe_fd.load(), &byte, 1);
  errno = saved;
}

}  // namespace

CancelOnSignal::CancelOnSignal(const CancelToken& token) {
  cancel_count.store(0);
  cancel_target.store(&token);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) catch_signal(signal, on_cancel_signal);
}

CancelOnSignal::~CancelOnSignal() {
  restore_signals();
  cancel_target.store(nullptr);
}

Result<SignalPipe> SignalPipe::open(std::initializer_list<int> signals) {
  sys::Pipe pipe = SLIP_TRY(sys::make_pipe(O_NONBLOCK));
  signal_pipe_fd.store(pipe.write.get());
  SignalPipe result(std::move(pipe.read), std::move(pipe.write));
  for (const int signal : signals) catch_signal(signal, on_piped_signal);
  return result;
}

SignalPipe::~SignalPipe() {
  if (!write_) return;
  restore_signals();
  signal_pipe_fd.store(-1);
}

std::optional<int> SignalPipe::next() {
  unsigned char byte = 0;
  if (::read(read_.get(), &byte, 1) != 1) return std::nullopt;
  return byte;
}

}  // namespace slipway::runner
