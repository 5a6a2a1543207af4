#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/units.h"
#include "cachestore/layer/byte_source.h"

namespace slipway::cachestore {

/// A file or pipe. Hashes what it reads and copies it to `tee_fd`, if there is one.
class FdSource : public ByteSource {
 public:
  struct Options {
    int fd = -1;       ///< Borrowed.
    std::string name;  ///< For errors.
    int tee_fd = -1;   ///< Borrowed; -1: no copy and no digest.
    std::string tee_name;
    CancelToken cancel;
    Millis stall{};  ///< Longest wait for one byte.
    Millis total{};  ///< Longest life.
  };
  explicit FdSource(Options options);
  Result<std::size_t> read(std::span<char> out) override;

  /// After the end, once.
  Digest digest() { return sha_.finish(); }
  std::uint64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }  ///< Any thread.

 private:
  Status wait() const;

  Options options_;
  bool may_block_;
  MonoTime deadline_;
  Sha256 sha_;
  std::atomic<std::uint64_t> bytes_ = 0;
};

}  // namespace slipway::cachestore
