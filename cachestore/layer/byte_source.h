#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "base/result.h"

namespace slipway::cachestore {

/// Bytes that are pulled. Not thread-safe.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Fills at most `out`; 0 means the end. May be short before it.
  virtual Result<std::size_t> read(std::span<char> out) = 0;
};

/// The same in pieces that belong to the stream, so that file contents are never copied.
class ChunkStream {
 public:
  virtual ~ChunkStream() = default;
  /// The next piece, empty at the end; valid until the next call.
  virtual Result<std::string_view> next() = 0;
};

/// Fills `out` unless the source ends first.
inline Result<std::size_t> read_full(ByteSource& source, std::span<char> out) {
  std::size_t got = 0;
  while (got < out.size()) {
    const std::size_t n = SLIP_TRY(source.read(out.subspan(got)));
    if (n == 0) break;
    got += n;
  }
  return got;
}

}  // namespace slipway::cachestore
