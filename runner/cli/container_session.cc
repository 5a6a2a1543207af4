// A foreground container's link to this process: forwarded signals, and the terminal relay of `run -t`.
#include "runner/cli/container_session.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <thread>

#include "base/files.h"
#include "base/sys.h"

namespace slipway::runner {
namespace {

constexpr int kForceAfter = 3;  // as docker: the third Ctrl-C gives up on asking
constexpr std::size_t kPendingInput = std::size_t{64}
                                      << 10;  // typed ahead while the container does not read

/// Raw mode while it lives.
class RawMode {
 public:
  explicit RawMode(int fd) : fd_(fd) {
    if (fd < 0 || ::tcgetattr(fd, &saved_) != 0) return;
    termios raw = saved_;
    ::cfmakeraw(&raw);
    active_ = ::tcsetattr(fd, TCSADRAIN, &raw) == 0;
  }
  ~RawMode() { restore(); }
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;
  void restore() {
    if (std::exchange(active_, false)) ::tcsetattr(fd_, TCSADRAIN, &saved_);
  }

 private:
  int fd_;
  termios saved_{};
  bool active_ = false;
};

bool urgent(int signal) { return signal == SIGINT || signal == SIGTERM || signal == SIGHUP; }

}  // namespace

struct ContainerSession::State {
  State(sandbox::Container& the_container, SignalPipe& the_signals, Options the_options)
      : container(the_container),
        signals(the_signals),
        options(std::move(the_options)),
        raw(options.input) {}

  void run() {
    const int master = container.terminal_fd();
    if (master >= 0) {
      const int flags = ::fcntl(master, F_GETFL);
      ::fcntl(master, F_SETFL, flags | O_NONBLOCK);
    }
    bool input_open = options.input >= 0;
    bool master_open = master >= 0;
    while (true) {
      const bool over = stop.cancelled();
      if (over && !master_open) return;
      const bool may_read = input_open && pending.size() < kPendingInput;
      const auto master_events = static_cast<short>(POLLIN | (pending.empty() ? 0 : POLLOUT));
      std::array<pollfd, 4> polls{pollfd{over ? -1 : stop.poll_fd(), POLLIN, 0},
                                  pollfd{signals.fd(), POLLIN, 0},
                                  pollfd{master_open ? master : -1, master_events, 0},
                                  pollfd{may_read && !over ? options.input : -1, POLLIN, 0}};
      const int ready = ::poll(polls.data(), polls.size(), over ? 0 : -1);
      if (ready == 0) return;  // over, and nothing is left in the pty
      if (ready < 0) continue;
      if (polls[1].revents != 0) forward_signals();
      if ((polls[2].revents & POLLOUT) != 0) write_pending(master);
      if ((polls[2].revents & ~POLLOUT) != 0) master_open = copy_output(master);
      if (polls[3].revents != 0) input_open = read_input(master);
    }
  }

  void forward_signals() {
    while (const std::optional<int> signal = signals.next()) {
      if (*signal == SIGWINCH) {
        if (container.terminal_fd() >= 0) (void)container.resize(terminal_size(options.output));
        continue;
      }
      if (urgent(*signal) && ++urgent_signals >= kForceAfter)
        options.cancel.cancel(CancelLevel::kKill);
      (void)container.signal(*signal);
    }
  }

  bool copy_output(int master) const {
    std::array<char, 32768> buffer{};
    const ssize_t got = ::read(master, buffer.data(), buffer.size());
    if (got < 0) return errno == EINTR || errno == EAGAIN;
    if (got == 0) return false;
    return write_all(options.output, std::string_view(buffer.data(), static_cast<std::size_t>(got)),
                     "terminal")
        .has_value();
  }

  bool read_input(int master) {
    std::array<char, 4096> buffer{};
    const ssize_t got = ::read(options.input, buffer.data(), buffer.size());
    if (got < 0) return errno == EINTR || errno == EAGAIN;
    if (got == 0) pending += '\x04';  // end of input, as a terminal says it
    pending.append(buffer.data(), static_cast<std::size_t>(got));
    write_pending(master);
    return got > 0;
  }

  void write_pending(int master) {
    if (pending.empty()) return;
    const ssize_t done = ::write(master, pending.data(), pending.size());
    if (done > 0) pending.erase(0, static_cast<std::size_t>(done));
    if (done < 0 && errno != EAGAIN && errno != EINTR) pending.clear();
  }

  sandbox::Container& container;
  SignalPipe& signals;
  Options options;
  RawMode raw;
  CancelToken stop;
  std::string pending;
  int urgent_signals = 0;
  std::thread thread;
};

sandbox::Terminal terminal_size(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return {};
  return {size.ws_row, size.ws_col};
}

ContainerSession::ContainerSession(sandbox::Container& container, SignalPipe& signals,
                                   Options options)
    : state_(std::make_unique<State>(container, signals, std::move(options))) {
  state_->thread = std::thread([state = state_.get()] { state->run(); });
}

ContainerSession::~ContainerSession() { finish(); }

void ContainerSession::finish() {
  if (!state_->thread.joinable()) return;
  state_->stop.cancel(CancelLevel::kTerminate);
  state_->thread.join();
  state_->raw.restore();
}

Result<SignalPipe> open_session_signals() {
  return SignalPipe::open({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH});
}

}  // namespace slipway::runner
