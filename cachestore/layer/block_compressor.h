#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/guarded.h"
#include "cachestore/layer/byte_sink.h"
#include "cachestore/layer/decode.h"

namespace slipway::cachestore {

/// Compresses a stream on several threads: one thread writes it, another reads the result. Blocks of a fixed size are
/// compressed each for itself and joined in order, so the result depends on the stream alone and not on the number of
/// threads. Gzip: one member whose blocks end byte-aligned, as pigz --independent makes; zstd: one frame a block.
/// Spec: RFC 1951, RFC 1952; RFC 8878.
class BlockCompressor : public ByteSink {
 public:
  /// `compression` is kGzip or kZstd.
  BlockCompressor(Compression compression, int threads);
  ~BlockCompressor() override;  ///< Ends all waiting; both sides must have returned.
  BlockCompressor(const BlockCompressor&) = delete;
  BlockCompressor& operator=(const BlockCompressor&) = delete;

  // The writer's side. An error after stop() is kCancelled.
  Status write(std::string_view data) override;
  /// Once: the stream's end, or why there is no more.
  void finish(Status how);

  // The reader's side. 0 at the end.
  Result<std::size_t> read(char* out, std::size_t size);
  void stop();  ///< From any thread: whoever waits returns.

 private:
  // Large enough that a lost window costs a per cent, small enough that four layers at once stay in a few MiB.
  static constexpr std::size_t kBlock = std::size_t{512} << 10;
  struct Slot {
    std::string in;
    std::string out;
  };
  struct Ring {
    std::uint64_t filled = 0;    ///< Blocks handed to the workers.
    std::uint64_t taken = 0;     ///< By a worker.
    std::uint64_t released = 0;  ///< Read.
    std::vector<bool> done;      ///< By slot: compressed and not read yet.
    bool ended = false;
    bool stopped = false;
    std::optional<Error> error;
  };
  void work();
  void submit();
  std::string head() const;
  std::string tail() const;

  Compression compression_;
  std::vector<Slot> slots_;
  Guarded<Ring> ring_;
  // Of the writer, and of the reader once the ring says ended.
  std::uint32_t crc_ = 0;
  std::uint64_t total_ = 0;
  // Of the reader.
  std::string piece_;
  std::size_t piece_at_ = 0;
  bool started_ = false;
  bool closed_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace slipway::cachestore
