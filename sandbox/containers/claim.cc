// Locks on containers, and starting monitors that inherit them.
#include "sandbox/containers/claim.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/files.h"
#include "base/sys.h"
#include "base/text.h"
#include "sandbox/containers/message.h"

namespace slipway::sandbox {
namespace {

constexpr const char* kSocket = "monitor.sock";
constexpr int kTries = 20;  // Each is a monitor that ended while we came to it.
constexpr std::chrono::seconds kEndingPatience{30};

tl::unexpected<Error> missing(const std::string& id) {
  return fail(ErrorCode::kNotFound, "no such container: " + id);
}

// Locks of open files rather than flock(2): a descriptor that is inherited keeps them all the same, and one can ask
// whether there is one without taking it, which would look like a holder to others. Linux 3.15: fcntl(2).
struct flock whole_file() {
  struct flock wanted {};
  wanted.l_type = F_WRLCK;
  wanted.l_whence = SEEK_SET;
  return wanted;
}

Status lock(int file, int how, const std::string& what) {
  struct flock wanted = whole_file();
  while (::fcntl(file, how, &wanted) != 0) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EACCES)
      return fail(ErrorCode::kConflict, "lock " + what + ": it is held");
    return fail_errno("lock " + what);
  }
  return {};
}

// What the monitor wrote when it took over; nothing while it has not, or when nobody ever did.
std::optional<pid_t> monitor_pid(int lock_file) {
  std::array<char, 32> text{};
  const ssize_t size = ::pread(lock_file, text.data(), text.size(), 0);
  const auto pid =
      parse_int(trim(std::string_view(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0)));
  if (!pid || *pid < 1) return std::nullopt;
  return static_cast<pid_t>(*pid);
}

// With `claim` in our hands only a monitor can hold the lock, and one that no longer listens is about to end.
Status await_ending(int lock_file, const std::string& id) {
  const auto pid = monitor_pid(lock_file);
  if (!pid) return {};  // It has not even written that yet: it listens soon, or is gone.
  auto process = sys::pidfd_open(*pid);
  if (!process) return {};
  const auto deadline = std::chrono::steady_clock::now() + kEndingPatience;
  if (SLIP_TRY(sys::wait_readable(process->get(), deadline))) return {};
  return fail(ErrorCode::kUnavailable, "reach container " + id.substr(0, 12) +
                                           ": its monitor (pid " + std::to_string(*pid) +
                                           ") neither answers nor ends");
}

// The kernel takes a killed process's descriptors apart one by one, and a child that it had just cloned has them, too,
// until it runs its first steps: the lock outlives its monitor by a moment. Nothing tells when it goes.
void await_lock_moment(int tries) {
  constexpr long kFirst = 50'000, kLongest = 100'000'000;
  const timespec pause{0, std::min(kFirst << std::min(tries, 16), kLongest)};
  ::nanosleep(&pause, nullptr);
}

// What a monitor may know of the environment of whoever happened to start it: no secrets.
std::vector<std::string> monitor_environment() {
  constexpr const char* kKept[] = {
      "PATH",         "HOME",         "USER",          "XDG_RUNTIME_DIR", "RUNNER_IDLE_NETWORKS",
      "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",    "LLVM_PROFILE_FILE"};
  std::vector<std::string> kept;
  for (const char* name : kKept) {
    if (const char* value = ::getenv(name)) kept.push_back(std::string(name) + "=" + value);
  }
  // One arena and small chunks go back to the kernel: an idle monitor is to be small.
  kept.emplace_back("MALLOC_ARENA_MAX=1");
  return kept;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  for (std::string& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

// Above the numbers that dup2 will write to.
Result<Fd> high(int fd) {
  Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 16));
  if (!copy) return fail_errno("copy descriptor");
  return copy;
}

struct SpawnRules {
  SpawnRules() {
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
  }
  SpawnRules(const SpawnRules&) = delete;
  SpawnRules& operator=(const SpawnRules&) = delete;
  ~SpawnRules() {
    ::posix_spawn_file_actions_destroy(&actions);
    ::posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

Result<int> spawn(std::vector<std::string> argv, int lock_file, int listener, int crash_notes) {
  const Fd high_lock = SLIP_TRY(high(lock_file));
  const Fd high_listener = SLIP_TRY(high(listener));
  const Fd high_notes = SLIP_TRY(high(crash_notes));
  SpawnRules rules;
  ::posix_spawn_file_actions_addopen(&rules.actions, 0, "/dev/null", O_RDWR, 0);
  ::posix_spawn_file_actions_adddup2(&rules.actions, 0, 1);
  ::posix_spawn_file_actions_adddup2(&rules.actions, high_notes.get(), 2);
  ::posix_spawn_file_actions_adddup2(&rules.actions, high_lock.get(), kMonitorLock);
  ::posix_spawn_file_actions_adddup2(&rules.actions, high_listener.get(), kMonitorListener);
  // What the client happens to have open without close-on-exec, such as its terminal, is not for the monitor to keep.
  ::posix_spawn_file_actions_addclosefrom_np(&rules.actions, kMonitorListener + 1);
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&rules.attributes, &none);
  ::posix_spawnattr_setsigdefault(&rules.attributes, &all);
  ::posix_spawnattr_setflags(&rules.attributes,
                             POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<std::string> environment = monitor_environment();
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, argv[0].c_str(), &rules.actions, &rules.attributes,
                                  pointers(argv).data(), pointers(environment).data());
  if (error != 0) return fail(errno_error(error, "start monitor " + argv[0]));
  return pid;
}

}  // namespace

Result<Claim> reach(const Layout& layout, const std::string& id) {
  Claim made;
  auto directory = open_file(layout.of(id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory && directory.error().code() == ErrorCode::kNotFound) return missing(id);
  made.directory = SLIP_TRY(std::move(directory));
  for (int tries = 0; tries < kTries; ++tries) {
    if (auto connection = connect_in(made.directory.get(), kSocket)) {
      SLIP_TRY(check_peer(connection->get()));
      made.connection = *std::move(connection);
      made.claim.reset();
      return made;
    }
    if (!made.claim) {
      made.claim =
          SLIP_TRY(open_at(made.directory.get(), "claim", O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
      SLIP_TRY(lock(made.claim.get(), F_OFD_SETLKW, "claim of " + id));
      continue;  // Whoever had the claim before may have started a monitor.
    }
    made.lock =
        SLIP_TRY(open_at(made.directory.get(), "lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
    if (lock(made.lock.get(), F_OFD_SETLK, "container " + id)) {
      if (!path_exists(layout.of(id))) return missing(id);  // Removed before we had the lock.
      return made;
    }
    SLIP_TRY(await_ending(made.lock.get(), id));
    await_lock_moment(tries);
  }
  return fail(ErrorCode::kUnavailable,
              "reach container " + id.substr(0, 12) + ": its monitors keep ending");
}

Result<Fd> reach_monitor(const Layout& layout, const std::string& id) {
  auto directory = open_file(layout.of(id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory && directory.error().code() == ErrorCode::kNotFound) return missing(id);
  const Fd opened = SLIP_TRY(std::move(directory));
  auto connection = connect_in(opened.get(), kSocket);
  if (!connection && connection.error().code() == ErrorCode::kNotFound)
    return fail(ErrorCode::kConflict, "container " + id.substr(0, 12) + " is not running");
  SLIP_TRY(check_peer(connection->get()));
  return connection;
}

bool is_held(int directory) {
  const auto file = open_at(directory, "lock", O_RDONLY | O_NOFOLLOW);
  if (!file) return false;
  struct flock wanted = whole_file();
  const bool locked = ::fcntl(file->get(), F_OFD_GETLK, &wanted) == 0 && wanted.l_type != F_UNLCK;
  if (!locked) return false;
  // A monitor that is known to have ended holds nothing, whatever is left of it.
  const auto pid = monitor_pid(file->get());
  if (!pid) return true;
  const auto process = sys::pidfd_open(*pid);
  if (!process) return process.error().sys_errno() != ESRCH;
  return !sys::wait_readable(process->get(), std::chrono::steady_clock::now()).value_or(false);
}

Result<int> start_monitor(Claim& claim, const std::vector<std::string>& program,
                          const std::vector<std::string>& arguments) {
  const Fd listener = SLIP_TRY(listen_in(claim.directory.get(), kSocket));
  // The pid of the monitor before: nobody may take the next one for dead.
  if (::ftruncate(claim.lock.get(), 0) != 0) return fail_errno("start monitor: empty lock file");
  // Empty unless the monitor crashes.
  const Fd notes = SLIP_TRY(open_at(claim.directory.get(), "monitor.crash",
                                    O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600));
  std::vector<std::string> argv = program;
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const int pid = SLIP_TRY(spawn(std::move(argv), claim.lock.get(), listener.get(), notes.get()));
  claim.connection = SLIP_TRY(connect_in(claim.directory.get(), kSocket));
  claim.lock.reset();
  claim.claim.reset();
  return pid;
}

}  // namespace slipway::sandbox
