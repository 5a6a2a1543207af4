// Finding, keeping and forgetting caches. Their books: cache_index.cc; merging layers: cachestore/overlay_merge.h.
#include "runner/cache/caches.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/files.h"
#include "cachestore/discard.h"
#include "cachestore/overlay_merge.h"

namespace slipway::runner {
namespace {

using cachestore::OverlayMerge;
using cachestore::SnapshotKind;

// Each restore mounts them all; beyond this a save writes one that holds everything (hard links: 10 us a file).
constexpr std::size_t kMaxLayers = 8;
// A snapshot without an entry may be about to get one.
constexpr auto kOrphanAge = std::chrono::hours(1);

std::vector<std::string> paths_of(const std::vector<cachestore::Snapshot>& snapshots) {
  std::vector<std::string> paths;
  for (const cachestore::Snapshot& snapshot : snapshots) paths.push_back(snapshot.path);
  return paths;
}

Result<bool> takes_from_any(const OverlayMerge& merge,
                            const std::vector<cachestore::Snapshot>& layers) {
  for (const cachestore::Snapshot& layer : layers) {
    if (SLIP_TRY(merge.takes_from(layer.path))) return true;
  }
  return false;
}

}  // namespace

CacheScopes CacheScopes::of_branch(const std::string& branch, bool is_protected) {
  if (is_protected) return {{"protected"}, "protected"};
  return {{"branch:" + branch, "protected"}, "branch:" + branch};
}

Result<Caches> Caches::open(cachestore::Store& store, ByteCount budget) {
  return Caches(store, SLIP_TRY(CacheIndex::open(store.root())), budget);
}

Result<std::optional<CacheHit>> Caches::take(CacheEntry entry) const {
  CacheHit hit;
  std::vector<std::string> ids;
  for (const CacheLayer& layer : entry.layers) ids.push_back(layer.snapshot);
  Result<cachestore::Lease> lease = store_->lease(ids);
  if (!lease) {
    if (lease.error().code() != ErrorCode::kNotFound) return fail(std::move(lease).error());
    SLIP_TRY(index_.remove(entry.id()));  // pruned with everything else, or spoilt by a power cut
    return std::optional<CacheHit>();
  }
  hit.lease = *std::move(lease);
  for (const std::string& id : ids) {
    Result<cachestore::Snapshot> snapshot = store_->get(id);
    if (!snapshot) {
      SLIP_TRY(index_.remove(entry.id()));
      return std::optional<CacheHit>();
    }
    hit.layers.push_back(*std::move(snapshot));
  }
  index_.touch(entry);
  hit.entry = std::move(entry);
  return std::optional(std::move(hit));
}

Result<std::optional<CacheHit>> Caches::find_key(const CacheScopes& scopes,
                                                 const std::string& key) const {
  for (const std::string& scope : scopes.read) {
    CacheEntry name;
    name.scope = scope;
    name.key = key;
    std::optional<CacheEntry> entry = SLIP_TRY(index_.find(name));
    if (!entry) continue;
    std::optional<CacheHit> hit = SLIP_TRY(take(*std::move(entry)));
    if (hit) return hit;
  }
  return std::optional<CacheHit>();
}

Result<std::optional<CacheHit>> Caches::find_beginning(const CacheScopes& scopes,
                                                       const std::string& prefix) const {
  for (const std::string& scope : scopes.read) {
    std::optional<CacheEntry> entry =
        SLIP_TRY(index_.find_prefix(CacheEntry::kCache, scope, prefix));
    if (!entry) continue;
    std::optional<CacheHit> hit = SLIP_TRY(take(*std::move(entry)));
    if (hit) return hit;
  }
  return std::optional<CacheHit>();
}

Result<std::optional<CacheHit>> Caches::find(const CacheScopes& scopes, const std::string& key,
                                             const std::vector<std::string>& fallbacks) const {
  if (std::optional<CacheHit> hit = SLIP_TRY(find_key(scopes, key))) {
    hit->exact = true;
    return hit;
  }
  for (const std::string& fallback : fallbacks) {
    if (std::optional<CacheHit> hit = SLIP_TRY(find_key(scopes, fallback))) return hit;
    if (std::optional<CacheHit> hit = SLIP_TRY(find_beginning(scopes, fallback))) return hit;
  }
  return std::optional<CacheHit>();
}

Result<CacheSaved> Caches::save(const CacheScopes& scopes, const CacheSave& save,
                                const CancelToken& cancel) const {
  std::vector<cachestore::Snapshot> base;
  std::vector<CacheLayer> layers;
  if (save.base != nullptr) {
    base = save.base->layers;
    layers = save.base->entry.layers;
  }
  std::vector<std::string> changes = paths_of(save.changes);
  OverlayMerge merge = SLIP_TRY(OverlayMerge::read(changes, save.wanted, cancel));
  const bool takes = SLIP_TRY(takes_from_any(merge, base));
  const bool same_name =
      save.base != nullptr && save.base->exact && save.base->entry.scope == scopes.write;
  const bool nothing_new = !takes && SLIP_TRY(merge.adds_nothing_to(paths_of(base)));
  if (nothing_new && (same_name || base.empty())) return CacheSaved{};

  CacheSaved saved;
  saved.changed = true;
  if (takes || layers.size() >= kMaxLayers) {
    std::vector<std::string> all = paths_of(base);
    all.insert(all.end(), changes.begin(), changes.end());
    merge = SLIP_TRY(OverlayMerge::read(all, save.wanted, cancel));
    layers.clear();
  }
  if (takes || !nothing_new) {
    cachestore::Draft draft = SLIP_TRY(store_->begin());
    const Fd top = SLIP_TRY(open_file(draft.upper(), O_RDONLY | O_DIRECTORY));
    SLIP_TRY_WITHIN("keep cache " + save.key, merge.link_into(top.get(), cancel));
    const cachestore::Snapshot made = SLIP_TRY(store_->commit(
        std::move(draft), SnapshotKind::kCache, "",
        Json::object({{"books", kOwner}, {"key", save.key}}), cachestore::Durability::kRelaxed));
    layers.push_back({made.id, merge.files(), merge.bytes()});
    saved.files = merge.files();
    saved.bytes = merge.bytes();
  }
  CacheEntry entry;
  entry.scope = scopes.write;
  entry.key = save.key;
  entry.paths = save.paths;
  entry.layers = std::move(layers);
  entry.created = real_clock().wall();
  saved.evicted = SLIP_TRY(put(entry));
  return saved;
}

Result<CacheLayer> Caches::measure(const std::string& snapshot) const {
  const cachestore::Snapshot found = SLIP_TRY(store_->get(snapshot));
  const auto all = [](std::string_view) { return true; };
  const OverlayMerge merge = SLIP_TRY(OverlayMerge::read({found.path}, all, CancelToken()));
  return CacheLayer{snapshot, merge.files(), merge.bytes()};
}

Result<std::uint64_t> Caches::put(const CacheEntry& entry) const {
  const Fd lock = SLIP_TRY(index_.lock());
  const std::optional<CacheEntry> before = SLIP_TRY(index_.find(entry));
  SLIP_TRY(index_.put(entry));
  std::vector<CacheEntry> gone;
  if (before) gone.push_back(*before);
  return SLIP_TRY(shrink_locked(budget_, entry.id(), std::move(gone))).entries;
}

ByteCount Caches::total(const std::vector<CacheEntry>& entries) {
  std::map<std::string, std::uint64_t> layers;
  for (const CacheEntry& entry : entries) {
    for (const CacheLayer& layer : entry.layers) layers[layer.snapshot] = layer.bytes;
  }
  ByteCount sum;
  for (const auto& [id, bytes] : layers) sum.value += bytes;
  return sum;
}

Result<Caches::Removed> Caches::forget(const std::vector<CacheEntry>& gone,
                                       const std::vector<CacheEntry>& left) const {
  Removed removed;
  std::set<std::string> needed;
  std::set<std::string> unneeded;
  for (const CacheEntry& entry : left) {
    for (const CacheLayer& layer : entry.layers) needed.insert(layer.snapshot);
  }
  for (const CacheEntry& entry : gone) {
    for (const CacheLayer& layer : entry.layers) unneeded.insert(layer.snapshot);
  }
  for (const cachestore::Snapshot& old : SLIP_TRY(cachestore::snapshots_of_kind(
           *store_, SnapshotKind::kCache, real_clock().wall() - kOrphanAge))) {
    if (old.metadata["books"].string_or("") == kOwner) unneeded.insert(old.id);
  }
  std::vector<std::string> unused;
  std::set_difference(unneeded.begin(), unneeded.end(), needed.begin(), needed.end(),
                      std::back_inserter(unused));
  removed.freed = SLIP_TRY(cachestore::discard_snapshots(*store_, unused)).freed;
  return removed;
}

Result<Caches::Removed> Caches::remove(const std::vector<std::string>& ids) const {
  const Fd lock = SLIP_TRY(index_.lock());
  std::vector<CacheEntry> gone;
  std::vector<CacheEntry> left;
  for (CacheEntry& entry : SLIP_TRY(index_.list())) {
    const bool going = std::find(ids.begin(), ids.end(), entry.id()) != ids.end();
    if (going) SLIP_TRY(index_.remove(entry.id()));
    (going ? gone : left).push_back(std::move(entry));
  }
  Removed removed = SLIP_TRY(forget(gone, left));
  removed.entries = gone.size();
  return removed;
}

Result<Caches::Removed> Caches::shrink(ByteCount keep) const {
  const Fd lock = SLIP_TRY(index_.lock());
  return shrink_locked(keep, "", {});
}

Result<Caches::Removed> Caches::shrink_locked(ByteCount keep, const std::string& spared,
                                              std::vector<CacheEntry> gone) const {
  std::vector<CacheEntry> all = SLIP_TRY(index_.list());
  std::map<std::string, std::size_t> users;
  for (const CacheEntry& entry : all) {
    for (const CacheLayer& layer : entry.layers) ++users[layer.snapshot];
  }
  std::uint64_t sum = total(all).value;
  std::vector<CacheEntry> left;
  std::uint64_t evicted = 0;
  for (CacheEntry& entry : all) {
    if (sum <= keep.value || entry.id() == spared) {
      left.push_back(std::move(entry));
      continue;
    }
    for (const CacheLayer& layer : entry.layers) {
      if (--users[layer.snapshot] == 0) sum -= layer.bytes;
    }
    SLIP_TRY(index_.remove(entry.id()));
    gone.push_back(std::move(entry));
    ++evicted;
  }
  Removed removed = SLIP_TRY(forget(gone, left));
  removed.entries = evicted;
  return removed;
}

}  // namespace slipway::runner
