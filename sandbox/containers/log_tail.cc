// The last lines of a log, found backwards.
//
// A line counts when its end is seen, and begins after the next line end of the same stream further back. So each
// stream has at most one line that has been counted but whose beginning is not known yet (`open`), and the search is
// over when enough lines are counted and no wanted stream has one.
#include "sandbox/containers/log_tail.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>

#include "base/files.h"

namespace slipway::sandbox {
namespace {

bool wanted(const LogRequest& request, OutputStream stream) {
  return stream == OutputStream::kStdout ? request.standard_output : request.standard_error;
}

class TailSearch {
 public:
  // `end`: where the log ends now; what comes later is wanted whatever is found.
  TailSearch(const LogRequest& request, std::uint64_t tail, LogPosition end)
      : request_(request), left_(tail), end_(end) {
    for (Stream& stream : streams_) stream.start = end;
  }

  // True when the search is over.
  bool record(const LogHead& head, std::string_view data, LogPosition at) {
    auto& stream = streams_.at(static_cast<std::size_t>(head.stream));
    if (!wanted(request_, head.stream) || (request_.until && head.time > *request_.until))
      return false;
    if (request_.since && head.time < *request_.since) return true;
    std::size_t end = data.size();
    if (!stream.seen) {
      stream.seen = true;
      count(stream);
      if (data.back() == '\n') --end;
    }
    while (!stream.closed) {
      const std::size_t newline = end == 0 ? std::string_view::npos : data.rfind('\n', end - 1);
      if (newline == std::string_view::npos) break;
      at.skip = static_cast<std::uint32_t>(newline) + 1;
      stream.start = at;
      count(stream);
      end = newline;
    }
    return over();
  }

  LogStart starts(LogPosition beginning) const {
    LogStart starts{};
    for (std::size_t i = 0; i < starts.size(); ++i) {
      const Stream& stream = streams_.at(i);
      if (stream.closed)
        starts.at(i) = stream.start;
      else if (!stream.seen && left_ == 0)
        starts.at(i) = end_;
      else
        starts.at(i) = beginning;
    }
    return starts;
  }

 private:
  struct Stream {
    bool seen = false;
    bool closed = false;
    LogPosition start;
  };
  // An end of a line: the line that was open begins after it, and one more is open unless there are enough.
  void count(Stream& stream) {
    if (left_ == 0)
      stream.closed = true;
    else
      --left_;
  }
  bool over() const {
    if (left_ > 0) return false;
    for (const OutputStream one : {OutputStream::kStdout, OutputStream::kStderr}) {
      const Stream& stream = streams_.at(static_cast<std::size_t>(one));
      if (wanted(request_, one) && stream.seen && !stream.closed) return false;
    }
    return true;
  }

  const LogRequest& request_;
  std::uint64_t left_;
  LogPosition end_;
  std::array<Stream, 3> streams_;
};

struct Found {
  LogHead head;
  std::uint64_t offset = 0;
  std::string data;
};

Result<std::string> read_at(int file, std::uint64_t offset, std::size_t size) {
  std::string bytes(size, '\0');
  const ssize_t got = ::pread(file, bytes.data(), size, static_cast<off_t>(offset));
  if (got < 0) return fail_errno("read log file");
  bytes.resize(static_cast<std::size_t>(got));
  return bytes;
}

// The record that ends at `end`; nothing when no whole one does.
Result<std::optional<Found>> record_before(int file, std::uint64_t end) {
  if (end < kLogFrame) return std::optional<Found>();
  const std::string tail = SLIP_TRY(read_at(file, end - kLogTailSize, kLogTailSize));
  const std::uint32_t length = decode_log_tail(tail);
  if (length == 0 || length > kLongestLogData || length + kLogFrame > end)
    return std::optional<Found>();
  Found found;
  found.offset = end - kLogFrame - length;
  std::string bytes = SLIP_TRY(read_at(file, found.offset, kLogHeadSize + length));
  const auto head = decode_log_head(bytes);
  if (!head || head->length != length || bytes.size() != kLogHeadSize + length)
    return std::optional<Found>();
  found.head = *head;
  found.data = bytes.substr(kLogHeadSize);
  return std::optional<Found>(std::move(found));
}

// Where the last whole record ends: as a rule at the end of the file, unless that record is being written, or torn.
Result<std::uint64_t> whole_end(int file) {
  struct stat info {};
  if (::fstat(file, &info) != 0) return fail_errno("look at log file");
  const auto size = static_cast<std::uint64_t>(info.st_size);
  if (size == 0 || SLIP_TRY(record_before(file, size))) return size;
  return whole_records(file);
}

// True when the search is over.
Result<bool> search_file(int file, std::uint32_t number, TailSearch& search) {
  std::uint64_t end = SLIP_TRY(whole_end(file));
  while (end > 0) {
    auto found = SLIP_TRY(record_before(file, end));
    if (!found) return false;
    end = found->offset;
    if (search.record(found->head, found->data, {number, found->offset, 0})) return true;
  }
  return false;
}

}  // namespace

Result<LogStart> find_tail(int directory, const LogRequest& request, std::uint64_t tail) {
  const auto files = SLIP_TRY(log_files(directory));
  LogPosition end;
  if (!files.empty()) {
    const Fd newest =
        SLIP_TRY(open_at(directory, log_file_name(files.back()), O_RDONLY | O_NOFOLLOW));
    end = {files.back(), SLIP_TRY(whole_end(newest.get())), 0};
  }
  TailSearch search(request, tail, end);
  for (auto number = files.rbegin(); number != files.rend() && tail > 0; ++number) {
    const auto file = open_at(directory, log_file_name(*number), O_RDONLY | O_NOFOLLOW);
    if (!file) break;  // Rotated away just now.
    if (SLIP_TRY(search_file(file->get(), *number, search))) break;
  }
  return search.starts({0, 0, 0});
}

}  // namespace slipway::sandbox
