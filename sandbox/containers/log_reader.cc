// Reading a log forwards, and following it while it is written.
#include "sandbox/containers/log_reader.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "base/files.h"
#include "base/sys.h"
#include "sandbox/containers/log_tail.h"

namespace slipway::sandbox {
namespace {

constexpr std::size_t kChunk = std::size_t{256} << 10;

// Records of one file from an offset on, read in large pieces.
class FileReader {
 public:
  void open(Fd file, std::uint32_t number, std::uint64_t offset) {
    file_ = std::move(file);
    number_ = number;
    offset_ = offset;
    buffer_.clear();
    used_ = 0;
  }
  bool is_open() const { return file_.valid(); }
  std::uint32_t number() const { return number_; }
  LogPosition position() const { return {number_, offset_, 0}; }

  struct Item {
    LogHead head;
    std::string_view data;  // Until the next call.
    LogPosition at;
  };
  // Nothing: the end, for now.
  Result<std::optional<Item>> next() {
    for (int refills = 0;; ++refills) {
      const std::string_view rest = std::string_view(buffer_).substr(used_);
      const auto head = decode_log_head(rest);
      if (head && rest.size() >= kLogFrame + head->length) {
        const Item item{*head, rest.substr(kLogHeadSize, head->length), position()};
        used_ += kLogFrame + head->length;
        offset_ += kLogFrame + head->length;
        return std::optional<Item>(item);
      }
      // Once for the next records, once more for one that is larger than a piece.
      if (refills == (head ? 2 : 1)) return std::optional<Item>();
      SLIP_TRY(refill(head ? kLogFrame + head->length : 0));
    }
  }

 private:
  Status refill(std::size_t needed) {
    buffer_.resize(std::max(kChunk, needed));
    used_ = 0;
    std::size_t have = 0;
    while (have < buffer_.size()) {
      const ssize_t got = ::pread(file_.get(), buffer_.data() + have, buffer_.size() - have,
                                  static_cast<off_t>(offset_ + have));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail_errno("read log file");
      if (got == 0) break;
      have += static_cast<std::size_t>(got);
      if (have >= needed && have >= kLogFrame) break;
    }
    buffer_.resize(have);
    return {};
  }

  Fd file_;
  std::uint32_t number_ = 0;
  std::uint64_t offset_ = 0;
  std::string buffer_;
  std::size_t used_ = 0;
};

class LogFollower {
 public:
  LogFollower(int directory, const LogRequest& request,
              const std::function<Status(const LogRecord&)>& sink)
      : directory_(directory), request_(request), sink_(sink) {}

  Status begin() {
    if (request_.tail) starts_ = SLIP_TRY(find_tail(directory_, request_, *request_.tail));
    return {};
  }

  // All there is now; true when `until` has passed.
  Result<bool> read_on() {
    for (;;) {
      if (!reader_.is_open() && !SLIP_TRY(open_next())) return false;
      if (SLIP_TRY(read_file())) return true;
      if (!SLIP_TRY(has_later())) return false;
      // The writer was done with this file before it made the next: what is here now is all.
      if (SLIP_TRY(read_file())) return true;
      if (!SLIP_TRY(open_next())) return false;
    }
  }

 private:
  Result<bool> read_file() {
    while (const auto item = SLIP_TRY(reader_.next())) {
      if (request_.until && item->head.time > *request_.until) return true;
      SLIP_TRY(give(*item));
    }
    return false;
  }

  Status give(const FileReader::Item& item) {
    const bool asked = item.head.stream == OutputStream::kStdout ? request_.standard_output
                                                                 : request_.standard_error;
    if (!asked || (request_.since && item.head.time < *request_.since)) return {};
    const LogPosition& start = starts_.at(static_cast<std::size_t>(item.head.stream));
    std::string_view data = item.data;
    if (item.at.file == start.file && item.at.offset == start.offset)
      data.remove_prefix(std::min<std::size_t>(start.skip, data.size()));
    else if (item.at < start)
      return {};
    while (!data.empty()) {
      const std::size_t newline = data.find('\n');
      const std::string_view line = data.substr(0, newline == data.npos ? newline : newline + 1);
      SLIP_TRY(sink_({item.head.stream, item.head.time, line}));
      data.remove_prefix(line.size());
    }
    return {};
  }

  Result<std::optional<std::uint32_t>> later() {
    const auto files = SLIP_TRY(log_files(directory_));
    const LogPosition first = std::min(starts_[1], starts_[2]);
    const std::uint32_t after = reader_.is_open() ? reader_.number() : std::max(first.file, 1U) - 1;
    const auto found = std::upper_bound(files.begin(), files.end(), after);
    if (found == files.end()) return std::optional<std::uint32_t>();
    return std::optional<std::uint32_t>(*found);
  }
  Result<bool> has_later() { return SLIP_TRY(later()).has_value(); }

  Result<bool> open_next() {
    while (const auto number = SLIP_TRY(later())) {
      auto file = open_at(directory_, log_file_name(*number), O_RDONLY | O_NOFOLLOW);
      if (!file && file.error().code() == ErrorCode::kNotFound) continue;  // Rotated away.
      const LogPosition first = std::min(starts_[1], starts_[2]);
      reader_.open(SLIP_TRY(std::move(file)), *number, *number == first.file ? first.offset : 0);
      return true;
    }
    return false;
  }

  int directory_;
  const LogRequest& request_;
  const std::function<Status(const LogRecord&)>& sink_;
  LogStart starts_{};
  FileReader reader_;
};

Result<Fd> watch_changes(int log, int container) {
  Fd watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watch) return fail_errno("watch log");
  const std::string log_path = "/proc/self/fd/" + std::to_string(log);
  const std::string container_path = "/proc/self/fd/" + std::to_string(container);
  if (::inotify_add_watch(watch.get(), log_path.c_str(), IN_MODIFY | IN_CREATE) < 0 ||
      ::inotify_add_watch(watch.get(), container_path.c_str(),
                          IN_MOVED_TO | IN_MOVE_SELF | IN_DELETE_SELF) < 0) {
    return fail_errno("watch log");
  }
  return watch;
}

// Until something changed; false at `until` or on cancel.
Result<bool> await_change(int watch, const LogRequest& request, const CancelToken& cancel) {
  int timeout = -1;
  if (request.until) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(
        *request.until - std::chrono::system_clock::now());
    if (left.count() <= 0) return false;
    timeout = static_cast<int>(std::min<std::int64_t>(left.count(), 3'600'000));
  }
  std::array<struct pollfd, 2> watched{{{watch, POLLIN, 0}, {cancel.poll_fd(), POLLIN, 0}}};
  const int ready = ::poll(watched.data(), watched.size(), timeout);
  if (ready < 0 && errno != EINTR) return fail_errno("wait for log");
  if (cancel.cancelled()) return false;
  std::array<char, 4096> events{};
  while (::read(watch, events.data(), events.size()) > 0) {
  }
  return true;
}

}  // namespace

Status read_log(int directory, const LogRequest& request,
                const std::function<Status(const LogRecord&)>& sink, const CancelToken& cancel,
                int watched, const std::function<bool()>& ended) {
  LogFollower follower(directory, request, sink);
  Fd watch;
  if (request.follow) watch = SLIP_TRY(watch_changes(directory, watched));
  SLIP_TRY(follower.begin());
  for (;;) {
    // Asked before reading: all output is in the log before the container is said to have ended.
    const bool last = !request.follow || ended();
    if (SLIP_TRY(follower.read_on()) || last) return {};
    if (request.caught_up) SLIP_TRY(request.caught_up());
    if (!SLIP_TRY(await_change(watch.get(), request, cancel))) return {};
  }
}

}  // namespace slipway::sandbox
