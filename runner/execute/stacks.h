#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cachestore/store.h"
#include "sandbox/spec.h"

namespace slipway::runner {

/// A stack of snapshots, bottom first: what a container's root or workspace is made of.
class Stack {
 public:
  Stack() = default;
  static Result<Stack> load(cachestore::Store& store, const std::vector<std::string>& ids);

  void push(cachestore::Snapshot snapshot) { snapshots_.push_back(std::move(snapshot)); }
  /// Puts another bottom under what is above the first `count` snapshots.
  void replace_bottom(std::size_t count, const std::vector<cachestore::Snapshot>& bottom);
  std::vector<std::string> ids() const;
  const std::vector<cachestore::Snapshot>& snapshots() const { return snapshots_; }
  /// As an overlay below `draft`.
  sandbox::OverlayStack below(const cachestore::Draft& draft) const;
  /// True when the topmost snapshot that knows `path` (no leading slash) has a regular file or link there.
  bool has_file(const std::string& path) const;

 private:
  std::vector<cachestore::Snapshot> snapshots_;
};

/// The bottom of every `image: host` root: mount points, /tmp, HOME; made once per store.
Result<cachestore::Snapshot> host_base(cachestore::Store& store);
/// An empty snapshot: below a first draft where there is nothing else (overlay needs one lower).
Result<cachestore::Snapshot> empty_base(cachestore::Store& store);

}  // namespace slipway::runner
