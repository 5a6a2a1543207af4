// Between the person's terminal and a container's pty.
#include "runner/execute/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>

#include "base/files.h"
#include "base/sys.h"

namespace slipway::runner {
namespace {

// The handler may only store; the relay looks at it after every wake-up (poll is interrupted by the signal).
std::atomic<bool> size_changed{false};
void on_window_change(int) { size_changed.store(true); }

/// Watches for window changes while it lives.
class WindowChangeHandler {
 public:
  WindowChangeHandler() {
    struct sigaction action {};
    action.sa_handler = on_window_change;
    ::sigaction(SIGWINCH, &action, &saved_);
  }
  ~WindowChangeHandler() { ::sigaction(SIGWINCH, &saved_, nullptr); }
  WindowChangeHandler(const WindowChangeHandler&) = delete;
  WindowChangeHandler& operator=(const WindowChangeHandler&) = delete;

 private:
  struct sigaction saved_ {};
};

/// Copies what is there; false when the source has ended.
bool copy_some(int from, int to) {
  std::array<char, 16384> buffer{};
  const ssize_t got = ::read(from, buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  if (got == 0) return false;
  return write_all(to, std::string_view(buffer.data(), static_cast<std::size_t>(got)), "terminal")
      .has_value();
}

void relay(sandbox::Container& container, const PersonTerminal& person, int stop_fd) {
  const int master = container.terminal_fd();
  bool input_open = true;
  for (bool stopping = false;;) {
    if (size_changed.exchange(false)) (void)container.resize(person.size());
    std::array<pollfd, 3> polls{pollfd{master, POLLIN, 0},
                                pollfd{input_open ? STDIN_FILENO : -1, POLLIN, 0},
                                pollfd{stopping ? -1 : stop_fd, POLLIN, 0}};
    // Once the process has ended, only what already stands in the pty is still copied.
    const int ready = ::poll(polls.data(), polls.size(), stopping ? 0 : 500);
    if (ready == 0 && stopping) return;
    if (ready <= 0) continue;
    if (polls[0].revents != 0 && !copy_some(master, STDOUT_FILENO)) return;
    if (polls[1].revents != 0) input_open = copy_some(STDIN_FILENO, master);
    if (polls[2].revents != 0) stopping = true;
  }
}

}  // namespace

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

sandbox::Terminal PersonTerminal::size() const {
  winsize size{};
  if (::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) return {};
  return {size.ws_row, size.ws_col};
}

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
  const WindowChangeHandler handler;
  person.make_raw();
  const CancelToken ended;
  std::thread copier([&] { relay(container, person, ended.poll_fd()); });
  const sandbox::Outcome outcome = container.wait(cancel, deadline, stop);
  ended.cancel(CancelLevel::kTerminate);
  copier.join();
  person.restore();
  return outcome;
}

}  // namespace slipway::runner
