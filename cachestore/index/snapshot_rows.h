#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cachestore/index/database.h"
#include "cachestore/store.h"

namespace slipway::cachestore {

/// A row of `snapshots`. Times in milliseconds since 1970.
struct SnapshotRow {
  static constexpr std::int64_t kUnknownBytes = -1;

  std::string id;
  SnapshotKind kind = SnapshotKind::kStep;
  std::string key;
  std::string metadata;  ///< JSON text.
  std::int64_t created = 0;
  std::int64_t used = 0;
  std::int64_t bytes = kUnknownBytes;
  std::string boot;  ///< Empty: known to be on disk.
};

std::int64_t to_millis(WallTime time);
WallTime from_millis(std::int64_t millis);

namespace snapshot_rows {

Status insert(Database& database, const SnapshotRow& row);
Result<std::optional<SnapshotRow>> by_id(Database& database, std::string_view id);
/// `key` must not be empty.
Result<std::optional<SnapshotRow>> by_key(Database& database, SnapshotKind kind,
                                          std::string_view key);
/// The snapshot that holds the layer: one made as a layer, or one that packs to it.
Result<std::optional<SnapshotRow>> layer(Database& database, std::string_view diff_id);
/// The snapshot that packs to exactly this tar; layers of strangers do not.
Result<std::optional<SnapshotRow>> packs_to(Database& database, std::string_view diff_id);
/// What a snapshot packs to, if that is known.
struct Packed {
  std::string diff_id;
  std::int64_t size = 0;
};
Result<std::optional<Packed>> packed(Database& database, std::string_view id);
/// Notes it, and that the files are on disk.
Status set_packed(Database& database, std::string_view id, const Packed& packed);
Status set_bytes(Database& database, std::string_view id, std::int64_t bytes);
Status touch(Database& database, std::string_view id, std::int64_t used);
Status remove(Database& database, std::string_view id);
Result<std::vector<std::string>> all_ids(Database& database);
/// Ids of `kind` last used before `used_before`, oldest first; layers that an image needs are left
/// out.
Result<std::vector<std::string>> removable(Database& database, SnapshotKind kind,
                                           std::int64_t used_before);
/// Rows that are no layers of images, least recently used first.
Result<std::vector<SnapshotRow>> by_use(Database& database);
/// Whether removable() would still name it.
Result<bool> is_removable(Database& database, std::string_view id, std::int64_t used_before);

}  // namespace snapshot_rows
}  // namespace slipway::cachestore
