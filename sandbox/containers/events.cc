// The events' file: appending, turning over, and following.
#include "sandbox/containers/events.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/files.h"
#include "base/json.h"
#include "sandbox/containers/json_fields.h"

namespace slipway::sandbox {

template <typename Fields, fields::Like<ContainerEvent> T>
void list_members(Fields& fields, T& event) {
  fields.member("time", event.time);
  fields.member("type", event.type);
  fields.member("action", event.action);
  fields.member("id", event.id);
  fields.member("attributes", event.attributes);
}

namespace {

constexpr off_t kTurnOver = 1 << 20;
constexpr std::size_t kLongestEvent =
    256 << 10;  // Labels are the person's own; a longer event loses its attributes.

// One file's lines as they come.
class LineReader {
 public:
  explicit LineReader(Fd file) : file_(std::move(file)) {}
  bool valid() const { return file_.valid(); }
  int fd() const { return file_.get(); }
  // All whole lines there are now.
  Status read(const std::function<Status(std::string_view)>& line) {
    std::array<char, 65536> buffer;
    for (;;) {
      const ssize_t got = ::read(file_.get(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail_errno("read events");
      if (got == 0) return {};
      pending_.append(buffer.data(), static_cast<std::size_t>(got));
      std::size_t begin = 0;
      for (std::size_t end; (end = pending_.find('\n', begin)) != std::string::npos;
           begin = end + 1)
        SLIP_TRY(line(std::string_view(pending_).substr(begin, end - begin)));
      pending_.erase(0, begin);
    }
  }

 private:
  Fd file_;
  std::string pending_;
};

bool same_file(int fd, const std::string& path) {
  struct stat opened {
  }, named{};
  return ::fstat(fd, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

// Until the directory changed; false at `until` or on cancel.
Result<bool> await_change(int watch, std::optional<WallTime> until, const CancelToken& cancel) {
  int timeout = -1;
  if (until) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(*until - std::chrono::system_clock::now());
    if (left.count() <= 0) return false;
    timeout = static_cast<int>(std::min<std::int64_t>(left.count(), 3'600'000));
  }
  std::array<struct pollfd, 2> watched{{{watch, POLLIN, 0}, {cancel.poll_fd(), POLLIN, 0}}};
  if (::poll(watched.data(), watched.size(), timeout) < 0 && errno != EINTR)
    return fail_errno("wait for events");
  if (cancel.cancelled()) return false;
  std::array<char, 4096> changes{};
  while (::read(watch, changes.data(), changes.size()) > 0) {
  }
  return true;
}

}  // namespace

std::string encode_event(const ContainerEvent& event) {
  std::string line = fields::encode(event).dump() + "\n";
  if (line.size() <= kLongestEvent) return line;
  ContainerEvent shorter = event;
  shorter.attributes.clear();
  return fields::encode(shorter).dump() + "\n";
}

Result<ContainerEvent> decode_event(std::string_view line) {
  const Json json = SLIP_TRY_WITHIN("read event", parse_json(line, {kLongestEvent, 8}));
  ContainerEvent event;
  std::string wrong;
  fields::Reader reader(json, "", wrong);
  list_members(reader, event);
  if (!wrong.empty()) return fail(ErrorCode::kCorrupt, "read event: wrong value of " + wrong);
  return event;
}

void EventLog::append(const ContainerEvent& event) const {
  const std::string path = state_ + "/events.log";
  const std::string line = encode_event(event);
  // Appenders share the lock, who turns over has it alone: so nobody writes into a file that was put aside.
  for (int tries = 0; tries < 3; ++tries) {
    const auto file = open_file(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
    if (!file || ::flock(file->get(), LOCK_SH) != 0) return;
    if (!same_file(file->get(), path)) continue;
    (void)!::write(file->get(), line.data(), line.size());
    struct stat info {};
    if (::fstat(file->get(), &info) != 0 || info.st_size < kTurnOver) return;
    if (::flock(file->get(), LOCK_EX | LOCK_NB) != 0) return;  // The next one does it.
    if (same_file(file->get(), path)) ::rename(path.c_str(), (path + ".1").c_str());
    return;
  }
}

Status EventLog::follow(std::optional<WallTime> since, std::optional<WallTime> until,
                        const std::function<Status(const ContainerEvent&)>& sink,
                        const CancelToken& cancel) const {
  const std::string path = state_ + "/events.log";
  const WallTime from = since.value_or(std::chrono::system_clock::now());
  Fd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  // The directory: an event is a change of a file in it, and turning over is a new one.
  if (!watch || ::inotify_add_watch(watch.get(), state_.c_str(), IN_MODIFY | IN_CREATE) < 0)
    return fail_errno("watch events in " + state_);
  bool over = false;
  const auto give = [&](std::string_view line) -> Status {
    const auto event = decode_event(line);
    if (!event || event->time < from) return {};
    if (until && event->time > *until) {
      over = true;
      return {};
    }
    return sink(*event);
  };
  Fd first;
  if (auto opened = open_file(path, O_RDONLY | O_NOFOLLOW)) first = *std::move(opened);
  auto before = open_file(path + ".1", O_RDONLY | O_NOFOLLOW);
  // Turned over in between: then both are one.
  if (before && (!first || !same_file(first.get(), path + ".1")))
    SLIP_TRY(LineReader(*std::move(before)).read(give));
  LineReader current{std::move(first)};
  for (;;) {
    const bool turned = current.valid() && !same_file(current.fd(), path);
    if (current.valid()) SLIP_TRY(current.read(give));
    if (over) return {};
    // Between the one that was read and the one that is written now there may be another; not more, that is the bound.
    if (turned) {
      auto between = open_file(path + ".1", O_RDONLY | O_NOFOLLOW);
      if (between && !same_file(current.fd(), path + ".1")) {
        current = LineReader(*std::move(between));
        continue;
      }
    }
    if (turned || !current.valid()) {
      auto next = open_file(path, O_RDONLY | O_NOFOLLOW);
      if (next) {
        current = LineReader(*std::move(next));
        continue;
      }
    }
    if (!SLIP_TRY(await_change(watch.get(), until, cancel))) return {};
  }
}

ContainerEvent container_event(const Record& record, std::string action,
                               std::vector<std::pair<std::string, std::string>> more) {
  ContainerEvent event;
  event.time = std::chrono::system_clock::now();
  event.type = "container";
  event.action = std::move(action);
  event.id = record.id;
  event.attributes = record.config.labels;
  event.attributes.emplace_back("image", record.config.image);
  event.attributes.emplace_back("name", record.name);
  for (auto& one : more) event.attributes.push_back(std::move(one));
  return event;
}

}  // namespace slipway::sandbox
