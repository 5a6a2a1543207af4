// The frames between a reading child and its parent.
#include "runner/source/frames.h"

#include <unistd.h>

#include <cerrno>

#include "base/text.h"

namespace slipway::runner {
namespace {

constexpr std::size_t kHeader = 5;
constexpr std::size_t kBuffer = std::size_t{64} << 10;  // the default capacity of a pipe (pipe(7))

Error carried_error(std::string_view bytes) {
  const auto last = static_cast<unsigned char>(ErrorCode::kInternal);
  const auto code = static_cast<unsigned char>(bytes.empty() ? static_cast<char>(last) : bytes[0]);
  if (!bytes.empty()) bytes.remove_prefix(1);
  return Error(code <= last ? static_cast<ErrorCode>(code) : ErrorCode::kInternal,
               printable(bytes));
}

}  // namespace

void FrameWriter::send(FrameKind kind, std::string_view bytes) {
  const auto length = static_cast<std::uint32_t>(bytes.size());
  buffer_ += static_cast<char>(kind);
  for (int shift = 0; shift < 32; shift += 8) buffer_ += static_cast<char>(length >> shift & 0xFF);
  buffer_ += bytes;
  if (buffer_.size() >= kBuffer) flush();
}

void FrameWriter::field(std::string_view name, std::string_view value) {
  std::string bytes(name);
  bytes += '\0';
  bytes += value;
  send(FrameKind::kField, bytes);
}

void FrameWriter::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t done = ::write(fd_, rest.data(), rest.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) ::_exit(1);
    rest.remove_prefix(static_cast<std::size_t>(done));
  }
  buffer_.clear();
}

Status FrameReader::feed(std::string_view bytes, const FrameHandler& handler) {
  pending_ += bytes;
  std::string_view rest = pending_;
  while (rest.size() >= kHeader) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      length |= static_cast<std::size_t>(static_cast<unsigned char>(rest[1 + i])) << (8 * i);
    }
    if (length > kMaxFrame || done_) {
      return fail(ErrorCode::kCorrupt,
                  "read git repository: malformed answer of the reading process");
    }
    if (rest.size() < kHeader + length) break;
    const auto kind = static_cast<FrameKind>(rest[0]);
    const std::string_view content = rest.substr(kHeader, length);
    if (kind == FrameKind::kFailed) return fail(carried_error(content));
    if (kind == FrameKind::kDone) {
      done_ = true;
    } else {
      SLIP_TRY(handler(kind, content));
    }
    rest.remove_prefix(kHeader + length);
  }
  pending_.erase(0, pending_.size() - rest.size());
  return {};
}

}  // namespace slipway::runner
