// Questions to the person at the terminal.
#include "runner/cli/prompt.h"

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/files.h"
#include "runner/cli/console.h"

namespace slipway::runner {
namespace {

constexpr std::size_t kMaxLine = 4'096;  // a line of the terminal in its canonical mode, termios(3)
constexpr ByteCount kMaxSecret = 64_KiB;

/// Turns the echo off, and back on at the end however it comes.
class SilentTerminal {
 public:
  explicit SilentTerminal(Echo echo) {
    if (echo == Echo::kYes || ::tcgetattr(STDIN_FILENO, &saved_) != 0) return;
    termios silent = saved_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
  }
  ~SilentTerminal() {
    if (!changed_) return;
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved_);
    print_note("\n");  // the person's own line break was not shown
  }
  SilentTerminal(const SilentTerminal&) = delete;
  SilentTerminal& operator=(const SilentTerminal&) = delete;

 private:
  termios saved_{};
  bool changed_ = false;
};

}  // namespace

Result<std::string> ask(const std::string& question, Echo echo, const CancelToken& cancel) {
  if (::isatty(STDIN_FILENO) != 1) {
    return fail(ErrorCode::kInvalid, "ask for " + question +
                                         ": standard input is not a terminal; use --username and "
                                         "--password-stdin");
  }
  const SilentTerminal silent(echo);
  print_note(question + ": ");
  std::array<pollfd, 2> polls{{{STDIN_FILENO, POLLIN, 0}, {cancel.poll_fd(), POLLIN, 0}}};
  while (::poll(polls.data(), polls.size(), -1) < 0 && errno == EINTR) {
  }
  if (polls[1].revents != 0)
    return fail(ErrorCode::kCancelled, "ask for " + question + ": cancelled");
  std::array<char, kMaxLine> line;
  const ssize_t got = ::read(STDIN_FILENO, line.data(), line.size());
  if (got < 0) return fail_errno("read " + question);
  std::string answer(line.data(), static_cast<std::size_t>(got));
  if (!answer.ends_with('\n') && answer.empty())
    return fail(ErrorCode::kInvalid, "read " + question + ": end of input");
  while (answer.ends_with('\n') || answer.ends_with('\r')) answer.pop_back();
  return answer;
}

Result<std::string> read_secret_from_stdin() {
  std::string secret = SLIP_TRY(read_fd(STDIN_FILENO, kMaxSecret, "standard input"));
  if (secret.ends_with('\n')) secret.pop_back();
  if (secret.ends_with('\r')) secret.pop_back();
  return secret;
}

}  // namespace slipway::runner
