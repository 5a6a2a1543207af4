#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"

namespace slipway::runner {

/// What goes from a reading child to its parent. On the pipe: kind (1 byte), length (4 bytes, little endian), bytes.
enum class FrameKind : std::uint8_t {
  kDone = 1,   ///< Everything was sent.
  kFailed,     ///< Error code (1 byte), text. Ends the stream.
  kWarning,    ///< Text.
  kField,      ///< Name, NUL, value.
  kEntry,      ///< A FileEntry of a work tree (see file_list.h).
  kDirectory,  ///< Path.
  kFile,  ///< Mode bits as a digit '0' or '1' (executable), then the path. kBytes follow until the next other
  ///< frame.
  kLink,   ///< Path, NUL, target.
  kBytes,  ///< A piece of the file's content.
};

constexpr std::size_t kMaxFrame = std::size_t{1} << 20;

/// The child's end. Buffered; an unwritable pipe ends the process, for the parent is then gone.
class FrameWriter {
 public:
  explicit FrameWriter(int fd) : fd_(fd) {}
  void send(FrameKind kind, std::string_view bytes);
  void field(std::string_view name, std::string_view value);
  void flush();

 private:
  int fd_;
  std::string buffer_;
};

using FrameHandler = std::function<Status(FrameKind kind, std::string_view bytes)>;

/// Takes frames out of a byte stream. The bytes come from a process that may be under an attacker's control: lengths
/// are checked, the handler checks the content.
class FrameReader {
 public:
  /// Calls `handler` for each whole frame; kDone sets done(). kFailed becomes the error it carries.
  Status feed(std::string_view bytes, const FrameHandler& handler);
  bool done() const { return done_; }

 private:
  std::string pending_;
  bool done_ = false;
};

}  // namespace slipway::runner
