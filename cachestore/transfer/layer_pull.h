#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "cachestore/layer/unpack.h"
#include "cachestore/transfer.h"
#include "cachestore/transfer/ingest.h"
#include "cachestore/transfer/manifest.h"

namespace slipway::cachestore {

/// A layer as a manifest and its config describe it.
struct LayerJob {
  RemoteDescriptor blob;
  Digest diff_id;
};

/// Calls an observer at most some ten times a second about one layer; every change of state passes.
class LayerReporter {
 public:
  LayerReporter(TransferObserver* observer, const Digest& layer, std::uint64_t total)
      : observer_(observer) {
    rename(layer, total);
  }
  void state(LayerProgress::State state, std::uint64_t done, std::string note = "");
  void bytes(std::uint64_t done);
  void rename(const Digest& layer, std::uint64_t total);  ///< Once its blob's digest is known.

 private:
  struct Shown {
    LayerProgress progress;
    MonoTime last{};
  };
  TransferObserver* observer_;
  Guarded<Shown> shown_;
};

/// One layer from the registry to a snapshot and a blob of the store: bytes go to a file of ingest/ and from there, at
/// the same time, through hash, decompression, hash and tar into a draft.
class LayerPull {
 public:
  LayerPull(StoreCore& core, Registry& registry, const Reference& from, const LayerJob& job,
            TransferObserver* observer);

  /// Blocks until the layer is in the store (relaxed: the caller syncs and confirms it). The lease keeps its snapshot.
  Result<Fd> run(const CancelToken& cancel);
  /// A lease when snapshot and blob are here and to be trusted in this boot.
  static Result<std::optional<Fd>> find(StoreCore& core, const LayerJob& job);

  std::uint64_t received() const { return received_.load(); }

 private:
  enum class Origin { kRegistry, kBlob };
  struct Taken {
    Applied applied;
    Digest blob;
    std::uint64_t bytes = 0;
  };
  Status take(IngestFile& file, const CancelToken& cancel);
  Status attempt(IngestFile& file, Origin origin, DraftHandle& draft, Applied& applied,
                 const CancelToken& cancel);
  Result<Taken> stream(int fd, std::uint64_t have, int target_fd, const CancelToken& cancel);
  Status check(const Taken& taken) const;
  Status record(const IngestFile& file, Origin origin, DraftHandle& draft, const Applied& applied);

  StoreCore& core_;
  Registry& registry_;
  const Reference& from_;
  const LayerJob& job_;
  LayerReporter report_;
  std::string name_;
  std::atomic<std::uint64_t> received_ = 0;
};

}  // namespace slipway::cachestore
