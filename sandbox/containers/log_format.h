#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "sandbox/container_state.h"

namespace slipway::sandbox {

/// A container's log is a directory of files 00000001, 00000002, …; the one with the highest number is being written,
/// and the lowest ones are removed. No file is ever renamed, so a reader can follow by number.
///
///   file    = record*
///   record  = head data tail
///   head    = magic stream %x00 length time   ; 16 bytes, little-endian
///   magic   = %xA7 %x4C
///   stream  = u8: 1 stdout, 2 stderr          ; + 0x80: not the container's, but a notice of the engine
///   time    = i64 nanoseconds since 1970      ; when it was read from the container
///   length  = u32 of data, 1 … 2^20
///   data    = what one read(2) gave: whole lines or parts of them
///   tail    = length                          ; so that the last lines are found from the end
///
/// A record that a killed monitor left half written is cut off before the next is appended; readers wait for or pass
/// over it. Rejected: a line of JSON for each line of output, as docker does: half the speed of a pipe, and no way to
/// keep bytes that are no UTF-8.
struct LogHead {
  OutputStream stream = OutputStream::kStdout;
  bool notice = false;
  WallTime time{};
  std::uint32_t length = 0;
};

inline constexpr std::size_t kLogHeadSize = 16;
inline constexpr std::size_t kLogTailSize = 4;
inline constexpr std::size_t kLogFrame = kLogHeadSize + kLogTailSize;
inline constexpr std::uint32_t kLongestLogData = 1U << 20;

std::array<char, kLogHeadSize> encode_log_head(const LogHead& head);
std::array<char, kLogTailSize> encode_log_tail(std::uint32_t length);
/// Nothing when these bytes are no head.
std::optional<LogHead> decode_log_head(std::string_view bytes);
std::uint32_t decode_log_tail(std::string_view bytes);

std::string log_file_name(std::uint32_t number);  ///< "00000001"
std::optional<std::uint32_t> log_file_number(std::string_view name);

/// Length of the whole records at the beginning of an open log file.
Result<std::uint64_t> whole_records(int file);

/// Numbers of the files in a log directory, ascending.
Result<std::vector<std::uint32_t>> log_files(int directory);

}  // namespace slipway::sandbox
