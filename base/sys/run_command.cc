// Running a trusted host program to its end, with its output captured and a deadline.
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>

#include "base/files.h"
#include "base/sys.h"
#include "base/text.h"
#include "base/units.h"

extern char** environ;  // NOLINT: POSIX declares it nowhere

namespace slipway::sys {
namespace {

// Enough for any tool we call; the rest is read and dropped, so the program never blocks on a full
// pipe.
constexpr std::size_t kMaxOutput = std::size_t{1} << 20;
// Between SIGTERM and SIGKILL after a cancel or the deadline.
constexpr std::chrono::milliseconds kGrace{500};

struct SpawnActions {
  posix_spawn_file_actions_t actions{};
  posix_spawnattr_t attributes{};
  SpawnActions() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnActions() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
};

// A process group of its own: the terminal's Ctrl-C must reach us, not the helper program, and a
// kill reaches its children too.
Result<pid_t> spawn(const std::vector<std::string>& argv, int in, int out, int err) {
  SpawnActions spawn;
  posix_spawn_file_actions_adddup2(&spawn.actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&spawn.actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&spawn.actions, err, STDERR_FILENO);
  posix_spawn_file_actions_addclosefrom_np(&spawn.actions, STDERR_FILENO + 1);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&spawn.attributes, &none);
  posix_spawnattr_setsigdefault(&spawn.attributes, &all);
  posix_spawnattr_setpgroup(&spawn.attributes, 0);
  posix_spawnattr_setflags(&spawn.attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  std::vector<char*> words;
  words.reserve(argv.size() + 1);
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t pid = -1;
  const int error =
      posix_spawnp(&pid, words[0], &spawn.actions, &spawn.attributes, words.data(), environ);
  if (error != 0) return fail(errno_error(error, "run " + argv[0]));
  return pid;
}

// Memory of its own and not a pipe: a pipe may be smaller than the input, and then somebody has to feed it.
Result<Fd> make_input(std::string_view input) {
  if (input.empty()) return open_file("/dev/null", O_RDONLY);
  Fd fd(::memfd_create("input", MFD_CLOEXEC));
  if (!fd) return fail_errno("make input");
  SLIP_TRY(write_all(fd.get(), input, "input"));
  if (::lseek(fd.get(), 0, SEEK_SET) < 0) return fail_errno("make input");
  return fd;
}

// Reads what is there; false at the end of the stream.
bool drain(int fd, std::string& into) {
  std::array<char, 16 * 1024> buffer;
  const ssize_t got = ::read(fd, buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  const std::size_t room = kMaxOutput - std::min(kMaxOutput, into.size());
  into.append(buffer.data(), std::min(room, static_cast<std::size_t>(got)));
  return got > 0;
}

struct Running {
  pid_t pid;
  Fd pidfd;
  Fd out;
  Fd err;
};

enum class Ending { kExited, kCancelled, kTimedOut };

int millis_left(MonoTime deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - real_clock().mono());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, INT_MAX));
}

// Pumps both streams until the process has exited (its output may be held open by a grandchild:
// what is in the pipes at that moment is taken, no more is waited for).
Ending pump(Running& process, CommandResult& result, const CancelToken& cancel, MonoTime deadline) {
  Ending ending = Ending::kExited;
  while (true) {
    std::array<pollfd, 4> polled{{{process.pidfd.get(), POLLIN, 0},
                                  {process.out.get(), POLLIN, 0},
                                  {process.err.get(), POLLIN, 0},
                                  {ending == Ending::kExited ? cancel.poll_fd() : -1, POLLIN, 0}}};
    const int ready = ::poll(polled.data(), polled.size(), millis_left(deadline));
    if (ready < 0) continue;  // EINTR; the arguments are ours
    if (polled[1].revents != 0 && !drain(process.out.get(), result.out)) process.out.reset();
    if (polled[2].revents != 0 && !drain(process.err.get(), result.err)) process.err.reset();
    if (polled[0].revents != 0) return ending;
    const bool late = real_clock().mono() >= deadline;
    if (ending == Ending::kExited && (polled[3].revents != 0 || late)) {
      ending = polled[3].revents != 0 ? Ending::kCancelled : Ending::kTimedOut;
      ::kill(-process.pid, SIGTERM);
      deadline = real_clock().mono() + kGrace;
    } else if (late) {
      ::kill(-process.pid, SIGKILL);
      deadline = MonoTime::max();
    }
  }
}

void drain_rest(Fd& fd, std::string& into) {
  while (fd) {
    pollfd entry{fd.get(), POLLIN, 0};
    if (::poll(&entry, 1, 0) <= 0 || !drain(fd.get(), into)) fd.reset();
  }
}

}  // namespace

Result<CommandResult> run_command(const std::vector<std::string>& argv, const CancelToken& cancel,
                                  std::chrono::milliseconds timeout, std::string_view input) {
  if (argv.empty()) return fail(ErrorCode::kInvalid, "run command: no program given");
  const std::string what = "run " + printable(argv[0]);
  if (cancel.cancelled()) return fail(ErrorCode::kCancelled, what + ": cancelled");
  const Fd in = SLIP_TRY_WITHIN(what, make_input(input));
  Pipe out = SLIP_TRY_WITHIN(what, make_pipe());
  Pipe err = SLIP_TRY_WITHIN(what, make_pipe());
  const pid_t pid = SLIP_TRY(spawn(argv, in.get(), out.write.get(), err.write.get()));
  out.write.reset();
  err.write.reset();
  Result<Fd> pidfd = pidfd_open(pid);
  if (!pidfd) {
    ::kill(-pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    return fail(std::move(pidfd).error().within(what));
  }
  Running process{pid, std::move(*pidfd), std::move(out.read), std::move(err.read)};
  CommandResult result;
  const Ending ending = pump(process, result, cancel, real_clock().mono() + timeout);
  drain_rest(process.out, result.out);
  drain_rest(process.err, result.err);
  if (ending != Ending::kExited) ::kill(-pid, SIGKILL);  // what the program started and left behind
  result.exit = SLIP_TRY_WITHIN(what, wait_pidfd(process.pidfd.get()));
  if (ending == Ending::kCancelled) return fail(ErrorCode::kCancelled, what + ": cancelled");
  if (ending == Ending::kTimedOut) {
    return fail(ErrorCode::kTimeout, what + ": no end after " + format_duration(timeout));
  }
  return result;
}

}  // namespace slipway::sys
