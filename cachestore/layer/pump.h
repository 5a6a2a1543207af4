#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/cancel.h"
#include "base/digest.h"
#include "base/guarded.h"
#include "cachestore/layer/byte_source.h"

namespace slipway::cachestore {

/// Pieces read in the calling thread.
class DirectChunks : public ChunkStream {
 public:
  explicit DirectChunks(ByteSource& source) : source_(source) {}
  Result<std::string_view> next() override;

 private:
  ByteSource& source_;
  std::vector<char> buffer_;
};

/// Pieces read ahead by a second thread, so that decompression and hashing overlap with writing files.
class PumpedChunks : public ChunkStream {
 public:
  /// `stop` must be a token that `source` obeys: it is fired when the stream is dropped early.
  PumpedChunks(ByteSource& source, CancelToken stop);
  ~PumpedChunks() override;
  Result<std::string_view> next() override;

 private:
  // Two threads need two buffers to overlap; four even out uneven pieces. 1 MiB stays in the second-level cache.
  static constexpr std::size_t kSlots = 4;
  struct Slot {
    std::vector<char> bytes;
    std::size_t size = 0;
  };
  struct Ring {
    std::size_t filled = 0;    ///< Slots ever filled.
    std::size_t released = 0;  ///< Slots ever given back.
    bool ended = false;
    bool stopped = false;
    std::optional<Error> error;
  };
  void run();
  bool wait_for_free();

  ByteSource& source_;
  CancelToken stop_;
  std::array<Slot, kSlots> slots_;  ///< Slot n % kSlots belongs to the side the ring says.
  Guarded<Ring> ring_;
  std::size_t taken_ = 0;
  std::thread thread_;
};

/// Passes pieces on and hashes them.
class HashedChunks : public ChunkStream {
 public:
  explicit HashedChunks(ChunkStream& chunks) : chunks_(chunks) {}
  Result<std::string_view> next() override;
  Digest digest() { return sha_.finish(); }  ///< After the end, once.

 private:
  ChunkStream& chunks_;
  Sha256 sha_;
};

}  // namespace slipway::cachestore
