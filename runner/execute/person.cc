// Questions to whoever started the run.
#include "runner/execute/person.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/files.h"
#include "base/text.h"

namespace slipway::runner {
namespace {

constexpr std::size_t kLongestAnswer = 256;

/// One line from the terminal, which is in line mode; nothing when cancelled or at its end.
std::optional<std::string> read_answer(const CancelToken& cancel) {
  std::string answer;
  for (;;) {
    std::array<pollfd, 2> polls{{{STDIN_FILENO, POLLIN, 0}, {cancel.poll_fd(), POLLIN, 0}}};
    if (::poll(polls.data(), polls.size(), -1) < 0) continue;
    if (polls[1].revents != 0) return std::nullopt;
    char c = 0;
    const ssize_t got = ::read(STDIN_FILENO, &c, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    if (c == '\n') return answer;
    if (answer.size() < kLongestAnswer) answer += c;
  }
}

}  // namespace

std::optional<bool> Person::confirm(const std::string& question, const CancelToken& cancel) {
  if (asks_ == Asks::kNo) return std::nullopt;
  const std::lock_guard lock(mutex_);
  if (cancel.cancelled()) return std::nullopt;
  events_.pause();
  (void)write_all(STDERR_FILENO, question + " [y/N] ", "stderr");
  const std::optional<std::string> answer = read_answer(cancel);
  events_.resume();
  if (!answer) return std::nullopt;
  const std::string word = to_lower(trim(*answer));
  return word == "y" || word == "yes";
}

Person::Asks person_is_here() {
  const bool here = ::isatty(STDIN_FILENO) != 0 && ::isatty(STDERR_FILENO) != 0;
  return here ? Person::Asks::kYes : Person::Asks::kNo;
}

}  // namespace slipway::runner
