// Locks among runs: a file each, whose content says who has it.
#include "runner/execute/named_lock.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>

#include "base/digest.h"
#include "base/files.h"
#include "base/json.h"
#include "base/sys.h"
#include "base/text.h"

namespace slipway::runner {
namespace {

// flock(2) cannot be waited for beside a cancel token; jobs take seconds, so a fifth of one does not show.
constexpr int kFirstPause = 5;
constexpr int kLongestPause = 200;
constexpr std::size_t kStartTime = 19;  // proc(5): field 22 of stat is the 20th after the name

/// When the process was started, in the kernel's ticks: tells it from a later one with its number.
std::string start_of(int pid) {
  const Result<std::string> stat = read_file("/proc/" + std::to_string(pid) + "/stat", 4_KiB);
  if (!stat) return "";
  const std::size_t name_end = stat->rfind(") ");
  if (name_end == std::string::npos) return "";
  const std::vector<std::string_view> fields =
      split(std::string_view(*stat).substr(name_end + 2), ' ');
  return fields.size() > kStartTime ? std::string(fields[kStartTime]) : "";
}

NamedLock::Holder read_holder(int fd) {
  NamedLock::Holder holder;
  char text[512];
  const ssize_t size = ::pread(fd, text, sizeof text, 0);
  const Result<Json> json =
      parse_json(std::string_view(text, size > 0 ? static_cast<std::size_t>(size) : 0));
  if (!json) return holder;
  holder.run_id = (*json)["run"].string_or("");
  holder.pid = static_cast<int>((*json)["pid"].int_or(0));
  holder.started = (*json)["started"].string_or("");
  return holder;
}

}  // namespace

Result<NamedLock> NamedLock::acquire(const Request& request, const CancelToken& cancel,
                                     const std::function<void(const Holder&)>& waiting) {
  const std::string dir = request.store_root + "/locks";
  SLIP_TRY(make_dirs(dir, 0700));
  const std::string path = dir + "/" + Digest::of(request.kind + '\0' + request.name).hex();
  NamedLock lock;
  lock.fd_ = SLIP_TRY(open_file(path, O_RDWR | O_CREAT, 0600));
  int pause = kFirstPause;
  bool told = false;
  while (::flock(lock.fd_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return fail_errno("lock " + path);
    const Holder holder = read_holder(lock.fd_.get());
    if (!told && !holder.run_id.empty()) {
      told = true;
      waiting(holder);
    }
    pollfd cancelled{cancel.poll_fd(), POLLIN, 0};
    if (::poll(&cancelled, 1, pause) > 0)
      return fail(ErrorCode::kCancelled,
                  "wait for " + request.kind + " " + printable(request.name) + ": cancelled");
    pause = std::min(pause * 2, kLongestPause);
  }
  const int pid = ::getpid();
  const std::string text =
      Json::object({{"run", request.run_id}, {"pid", pid}, {"started", start_of(pid)}}).dump();
  if (::ftruncate(lock.fd_.get(), 0) != 0) return fail_errno("write " + path);
  if (::pwrite(lock.fd_.get(), text.data(), text.size(), 0) < 0) return fail_errno("write " + path);
  return lock;
}

void interrupt(const NamedLock::Holder& holder) {
  if (holder.pid <= 1) return;
  const Result<Fd> process = sys::pidfd_open(holder.pid);
  // The descriptor is of one process for good: if its start is the holder's now, it is the holder.
  if (process && start_of(holder.pid) == holder.started)
    (void)sys::pidfd_signal(process->get(), SIGTERM);
}

}  // namespace slipway::runner
