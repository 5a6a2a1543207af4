#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "cachestore/store.h"
#include "runner/cache/cache_index.h"

namespace slipway::runner {

/// Whose caches a run may read, and whose it writes. The order of reading is that of trust: what an unprotected branch
/// wrote is in no list of a protected one.
struct CacheScopes {
  std::vector<std::string> read;
  std::string write;
  /// Of a person's own runs: one for all.
  static CacheScopes local() { return {{"local"}, "local"}; }
  /// Of a server: a protected branch reads and writes `protected`; another one its own first, then what protected ones
  /// wrote.
  static CacheScopes of_branch(const std::string& branch, bool is_protected);
};

/// A cache that was found, kept from being removed while this is.
struct CacheHit {
  CacheEntry entry;
  std::vector<cachestore::Snapshot> layers;  ///< To be mounted above the checkout, bottom first.
  cachestore::Lease lease;
  bool exact = false;  ///< By its key, not by a fallback.
};

struct CacheSave {
  std::string key;
  std::vector<std::string> paths;                ///< For the books.
  const CacheHit* base = nullptr;                ///< What was restored: its layers stay below.
  std::vector<cachestore::Snapshot> changes;     ///< Layers of the job's steps, bottom first.
  std::function<bool(std::string_view)> wanted;  ///< Paths that belong to the cache.
};
struct CacheSaved {
  bool changed = false;
  std::uint64_t files = 0;  ///< Newly kept.
  std::uint64_t bytes = 0;
  std::uint64_t evicted = 0;  ///< Other entries that made room.
};

/// Caches as snapshots: restoring is a mount of what is there, saving keeps by hard links what the job's layers hold.
/// Thread-safe; several processes may use one store.
class Caches {
 public:
  /// `books` in the metadata of every snapshot that its entries decide about.
  static constexpr const char* kOwner = "caches";
  /// Both are borrowed. Above `budget` the least recently used entries go.
  static Result<Caches> open(cachestore::Store& store, ByteCount budget);

  /// The entry with `key` in the first scope that has one; else of `fallbacks` in order, each exactly, then as the
  /// beginning of a key.
  Result<std::optional<CacheHit>> find(const CacheScopes& scopes, const std::string& key,
                                       const std::vector<std::string>& fallbacks) const;
  Result<CacheSaved> save(const CacheScopes& scopes, const CacheSave& save,
                          const CancelToken& cancel) const;

  const CacheIndex& index() const { return index_; }
  /// Snapshots of an entry, leased. Nothing when one is missing: the entry is then forgotten.
  Result<std::optional<CacheHit>> take(CacheEntry entry) const;
  /// A snapshot as a layer of an entry.
  Result<CacheLayer> measure(const std::string& snapshot) const;
  /// Records an entry of any kind and makes room for it; returns how many others went.
  Result<std::uint64_t> put(const CacheEntry& entry) const;
  struct Removed {
    std::uint64_t entries = 0;
    ByteCount freed;
  };
  /// Entries by id, and snapshots that only they needed.
  Result<Removed> remove(const std::vector<std::string>& ids) const;
  /// Least recently used ones, until the rest takes at most `keep`; also snapshots that no entry knows.
  Result<Removed> shrink(ByteCount keep) const;
  /// What all entries together take: shared layers count once.
  static ByteCount total(const std::vector<CacheEntry>& entries);

 private:
  Caches(cachestore::Store& store, CacheIndex index, ByteCount budget)
      : store_(&store), index_(std::move(index)), budget_(budget) {}
  Result<std::optional<CacheHit>> find_key(const CacheScopes& scopes, const std::string& key) const;
  Result<std::optional<CacheHit>> find_beginning(const CacheScopes& scopes,
                                                 const std::string& prefix) const;
  /// Snapshots that only entries in `gone` needed, or nobody's books know.
  Result<Removed> forget(const std::vector<CacheEntry>& gone,
                         const std::vector<CacheEntry>& left) const;
  Result<Removed> shrink_locked(ByteCount keep, const std::string& spared,
                                std::vector<CacheEntry> gone) const;

  cachestore::Store* store_;
  CacheIndex index_;
  ByteCount budget_;
};

}  // namespace slipway::runner
