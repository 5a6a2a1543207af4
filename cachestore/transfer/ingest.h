#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "cachestore/layer/byte_source.h"
#include "cachestore/snapshot/store_core.h"

namespace slipway::cachestore {

/// <root>/ingest/<hex>: what has arrived of a blob. Whoever holds the file's flock is the one that fetches it; the
/// others wait for the lock and then find the blob in its place. What a killed process leaves is continued by the next.
/// Rejected: one file per pull, with which two pulls would fetch the same bytes twice.
class IngestFile {
 public:
  /// Waits for the lock, calling `waiting` some times a second with what its holder has so far; kCancelled.
  static Result<IngestFile> lock(const StoreCore& core, const Digest& digest,
                                 const std::function<void(std::uint64_t have)>& waiting,
                                 const CancelToken& cancel);

  int fd() const { return fd_.get(); }
  std::uint64_t size() const { return size_; }  ///< When it was opened.
  const std::string& shown() const { return shown_; }

  Status restart();      ///< Nothing of it is any good.
  void discard() const;  ///< Removes it.
  void discard_if_empty() const;
  /// Inside a transaction: it becomes the blob, and keeps its name here until discard(). Without the name another pull
  /// would begin anew between this and the commit.
  Status place(const StoreCore& core, const Digest& digest) const;

 private:
  Fd dir_;
  Fd fd_;
  std::string name_;
  std::string shown_;
  std::uint64_t size_ = 0;
};

/// Removes what nobody has continued for `age` and nobody is fetching. Returns bytes freed.
Result<std::uint64_t> sweep_ingest(const StoreCore& core, Millis age);

/// How much of a growing file is there, and how it ended.
class Arrival {
 public:
  explicit Arrival(std::uint64_t have) : bytes_(State{have, false, std::nullopt}) {}
  void grew(std::uint64_t have);
  void end(Status how);  ///< Once.
  /// Blocks until there is a good piece more than `than`, or the end: then it may be no more.
  Result<std::uint64_t> wait_for_more(std::uint64_t than);

 private:
  struct State {
    std::uint64_t have = 0;
    bool ended = false;
    std::optional<Error> error;
  };
  Guarded<State> bytes_;
};

/// Reads and hashes a file while it grows. Read again from the page cache rather than handed over in memory: the
/// network then never waits for the disk, what was kept of an earlier try needs no path of its own, and the digest is
/// of what lies on disk.
class ArrivingSource : public ByteSource {
 public:
  ArrivingSource(int fd, std::string name, Arrival& arrival, CancelToken cancel, Millis total);
  Result<std::size_t> read(std::span<char> out) override;

  Digest digest() { return sha_.finish(); }  ///< After the end, once.
  std::uint64_t bytes() const { return at_.load(std::memory_order_relaxed); }  ///< Any thread.

 private:
  int fd_;
  std::string name_;
  Arrival& arrival_;
  CancelToken cancel_;
  MonoTime deadline_;
  Sha256 sha_;
  std::uint64_t have_ = 0;
  std::atomic<std::uint64_t> at_ = 0;
};

}  // namespace slipway::cachestore
