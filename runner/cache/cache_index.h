#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/json.h"
#include "base/result.h"
#include "base/units.h"

namespace slipway::runner {

/// What is kept of a cache: the snapshots that make it up, bottom first. Upper ones only add to lower ones.
struct CacheLayer {
  std::string snapshot;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};
struct CacheEntry {
  static constexpr const char* kCache = "cache";
  static constexpr const char* kMemo = "memo";

  std::string kind = kCache;
  std::string scope;  ///< Who may read it: keys of different scopes never meet.
  std::string key;
  std::vector<std::string> paths;  ///< For people.
  std::vector<CacheLayer> layers;
  Json details;  ///< Of the kind; null or an object.
  WallTime created{};
  WallTime used{};

  std::string id() const;  ///< 32 hex digits, of kind, scope and key.
  std::uint64_t files() const;
  std::uint64_t bytes() const;
};

/// The books: <store>/caches/<id>.json, whose time stamp is the last use, and `lock`. Each change is one rename, so a
/// killed process leaves a snapshot without an entry at worst, which the next one that writes sweeps. Several processes
/// may use one directory.
class CacheIndex {
 public:
  static Result<CacheIndex> open(const std::string& store_root);

  /// A file that cannot be read is as good as none.
  Result<std::optional<CacheEntry>> find(const CacheEntry& name) const;
  /// The newest of the kind and scope whose key begins with `prefix`.
  Result<std::optional<CacheEntry>> find_prefix(const std::string& kind, const std::string& scope,
                                                const std::string& prefix) const;
  Result<std::vector<CacheEntry>> list() const;  ///< Least recently used first.
  Status put(const CacheEntry& entry) const;
  Status remove(const std::string& id) const;  ///< Missing is fine.
  /// <id>.log: what a memo's step said.
  Status put_log(const std::string& id, const std::string& text) const;
  Result<std::string> read_log(const std::string& id) const;
  /// Notes that it was used now; trouble is ignored.
  void touch(const CacheEntry& entry) const;
  /// Held by whoever decides which snapshots are needed no more.
  Result<Fd> lock() const;

 private:
  explicit CacheIndex(std::string path) : path_(std::move(path)) {}
  std::string file_of(const std::string& id) const { return path_ + "/" + id + ".json"; }
  std::string log_of(const std::string& id) const { return path_ + "/" + id + ".log"; }
  std::optional<CacheEntry> read(const std::string& id) const;
  std::string path_;
};

}  // namespace slipway::runner
