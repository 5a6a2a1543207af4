// Appending to a container's log, rotation, and what happens when the disk is full.
#include "sandbox/containers/log_writer.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/files.h"
#include "base/units.h"

namespace slipway::sandbox {
namespace {

// Below this a file holds next to nothing and rotation is all that happens.
constexpr std::uint64_t kLeastSize = 4096;

}  // namespace

Result<LogWriter> LogWriter::open(Fd directory, const LogConfig& config) {
  LogWriter writer(std::move(directory), config);
  writer.config_.max_size.value = std::max(config.max_size.value, kLeastSize);
  writer.config_.max_files = std::max(config.max_files, 1);
  const auto files = SLIP_TRY(log_files(writer.directory_.get()));
  SLIP_TRY(writer.open_file(files.empty() ? 1 : files.back(), O_RDWR | O_CREAT));
  writer.size_ = SLIP_TRY(whole_records(writer.file_.get()));
  if (::ftruncate(writer.file_.get(), static_cast<off_t>(writer.size_)) != 0 ||
      ::lseek(writer.file_.get(), 0, SEEK_END) < 0) {
    return fail_errno("mend log file");
  }
  return writer;
}

Status LogWriter::open_file(std::uint32_t number, int flags) {
  file_ = SLIP_TRY(
      open_at(directory_.get(), log_file_name(number), flags | O_NOFOLLOW | O_CLOEXEC, 0600));
  number_ = number;
  size_ = 0;
  return {};
}

void LogWriter::append(OutputStream stream, std::string_view data, WallTime now) {
  if (lost_ > 0) tell_loss(now);
  while (!data.empty()) {
    const std::string_view part = data.substr(0, kLongestLogData);
    if (!put({stream, false, now, static_cast<std::uint32_t>(part.size())}, part))
      lost_ += part.size();
    data.remove_prefix(part.size());
  }
}

void LogWriter::tell_loss(WallTime now) {
  const std::string text =
      "[" + format_size(ByteCount{lost_}) + " of output lost: " + ::strerror(last_errno_) + "]\n";
  const LogHead head{OutputStream::kStderr, true, now, static_cast<std::uint32_t>(text.size())};
  if (put(head, text)) lost_ = 0;
}

// Whole or not at all.
bool LogWriter::put(const LogHead& head, std::string_view data) {
  if (size_ > 0 && size_ + kLogFrame + data.size() > config_.max_size.value) rotate();
  auto head_bytes = encode_log_head(head);
  auto tail_bytes = encode_log_tail(head.length);
  struct iovec parts[] = {{head_bytes.data(), head_bytes.size()},
                          {const_cast<char*>(data.data()), data.size()},
                          {tail_bytes.data(), tail_bytes.size()}};
  const std::size_t whole = kLogFrame + data.size();
  ssize_t size = -1;
  while ((size = ::writev(file_.get(), parts, 3)) < 0 && errno == EINTR) {
  }
  if (size == static_cast<ssize_t>(whole)) {
    size_ += whole;
    return true;
  }
  last_errno_ = size < 0 ? errno : ENOSPC;
  (void)!::ftruncate(file_.get(), static_cast<off_t>(size_));
  (void)::lseek(file_.get(), static_cast<off_t>(size_), SEEK_SET);
  return false;
}

void LogWriter::rotate() {
  const std::uint32_t before = number_;
  Fd kept = std::move(file_);
  if (!open_file(before + 1, O_RDWR | O_CREAT | O_TRUNC)) {
    file_ = std::move(kept);  // No descriptor or no room: go on in the old one.
    number_ = before;
    return;
  }
  const auto files = log_files(directory_.get());
  if (!files) return;
  for (const std::uint32_t old : *files) {
    if (old + static_cast<std::uint32_t>(config_.max_files) > number_) break;
    ::unlinkat(directory_.get(), log_file_name(old).c_str(), 0);
  }
}

}  // namespace slipway::sandbox
