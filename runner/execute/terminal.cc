// Between the person's terminal and a container's pty.
#include "runner/execute/terminal.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <thread>

#include "base/sys.h"
#include "runner/relay.h"

namespace slipway::runner {
namespace {

// The handler may only write; the relay wakes up by it.
std::atomic<int> window_event{-1};
void on_window_change(int) {
  const int saved = errno;
  const std::uint64_t one = 1;
  if (const int fd = window_event.load(); fd >= 0) (void)!::write(fd, &one, sizeof one);
  errno = saved;
}

/// Makes window changes readable while it lives.
class WindowChanges {
 public:
  static Result<std::unique_ptr<WindowChanges>> open() {
    auto changes = std::make_unique<WindowChanges>(SLIP_TRY(sys::make_eventfd()));
    window_event.store(changes->event_.get());
    struct sigaction action {};
    action.sa_handler = on_window_change;
    ::sigaction(SIGWINCH, &action, &changes->saved_);
    return changes;
  }
  explicit WindowChanges(Fd event) : event_(std::move(event)) {}
  ~WindowChanges() {
    ::sigaction(SIGWINCH, &saved_, nullptr);
    window_event.store(-1);
  }
  WindowChanges(const WindowChanges&) = delete;
  WindowChanges& operator=(const WindowChanges&) = delete;

  int fd() const { return event_.get(); }
  void take() const {
    std::uint64_t count = 0;
    (void)!::read(event_.get(), &count, sizeof count);
  }

 private:
  Fd event_;
  struct sigaction saved_ {};
};

void relay(sandbox::Container& container, const WindowChanges* changes, int stop_fd) {
  const int master = container.terminal_fd();
  RelayOptions options;
  options.remote = master;
  options.input = STDIN_FILENO;
  options.output = STDOUT_FILENO;
  options.stop = stop_fd;
  // End of input, as a terminal says it.
  options.end_input = [master] { (void)!::write(master, "\x04", 1); };
  if (changes != nullptr) {
    options.wake = changes->fd();
    options.on_wake = [&] {
      changes->take();
      (void)container.resize(terminal_size(STDIN_FILENO));
    };
  }
  run_relay(options);
}

}  // namespace

sandbox::Terminal terminal_size(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return {};
  return {size.ws_row, size.ws_col};
}

std::optional<PersonTerminal> PersonTerminal::open() {
  PersonTerminal terminal;
  if (::isatty(STDIN_FILENO) == 0 || ::tcgetattr(STDIN_FILENO, &terminal.saved_) != 0) {
    terminal.owns_ = false;
    return std::nullopt;
  }
  return terminal;
}

PersonTerminal::PersonTerminal(PersonTerminal&& other) noexcept
    : saved_(other.saved_), raw_(other.raw_), owns_(std::exchange(other.owns_, false)) {}

PersonTerminal::~PersonTerminal() {
  if (owns_) restore();
}

sandbox::Terminal PersonTerminal::size() const { return terminal_size(STDIN_FILENO); }

void PersonTerminal::make_raw() {
  termios raw = saved_;
  ::cfmakeraw(&raw);
  raw_ = ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

void PersonTerminal::restore() {
  if (std::exchange(raw_, false)) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_);
}

sandbox::Outcome attach_terminal(sandbox::Container& container, PersonTerminal& person,
                                 const CancelToken& cancel, std::optional<MonoTime> deadline,
                                 const sandbox::StopPolicy& stop) {
  const Result<std::unique_ptr<WindowChanges>> changes = WindowChanges::open();
  person.make_raw();
  const CancelToken ended;
  std::thread copier(
      [&] { relay(container, changes ? changes->get() : nullptr, ended.poll_fd()); });
  const sandbox::Outcome outcome = container.wait(cancel, deadline, stop);
  ended.cancel(CancelLevel::kTerminate);
  copier.join();
  person.restore();
  return outcome;
}

}  // namespace slipway::runner
