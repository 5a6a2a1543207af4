// SQL of the `snapshots` table. Rules about what a row means live in snapshot/.
#include "cachestore/index/snapshot_rows.h"

#include <array>
#include <chrono>

namespace slipway::cachestore {
namespace {

// Stored as words so that a store can be read with the sqlite shell.
constexpr std::array kKindNames = {std::string_view("layer"), std::string_view("workspace"),
                                   std::string_view("step"), std::string_view("cache"),
                                   std::string_view("base")};

std::string_view kind_name(SnapshotKind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }

SnapshotKind kind_of(std::string_view name) {
  for (std::size_t i = 0; i < kKindNames.size(); ++i) {
    if (kKindNames[i] == name) return static_cast<SnapshotKind>(i);
  }
  return SnapshotKind::kStep;
}

SnapshotRow row_of(const Cursor& cursor) {
  SnapshotRow row;
  row.id = cursor.text(0);
  row.kind = kind_of(cursor.text(1));
  row.key = cursor.text(2);
  row.metadata = cursor.text(3);
  row.created = cursor.integer(4);
  row.used = cursor.integer(5);
  row.bytes = cursor.integer(6);
  row.boot = cursor.text(7);
  return row;
}

Result<std::optional<SnapshotRow>> one(Cursor& cursor) {
  if (!SLIP_TRY(cursor.step())) return std::optional<SnapshotRow>();
  return std::optional(row_of(cursor));
}

Result<std::vector<std::string>> texts(Cursor& cursor) {
  std::vector<std::string> all;
  while (SLIP_TRY(cursor.step())) all.push_back(cursor.text(0));
  return all;
}

}  // namespace

std::int64_t to_millis(WallTime time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

WallTime from_millis(std::int64_t millis) { return WallTime(std::chrono::milliseconds(millis)); }

namespace snapshot_rows {

Status insert(Database& database, const SnapshotRow& row) {
  auto cursor = SLIP_TRY(
      database.query("INSERT INTO snapshots (id, kind, key, metadata, created, used, bytes, boot) "
                     "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"));
  cursor.bind(row.id).bind(kind_name(row.kind)).bind(row.key).bind(row.metadata);
  cursor.bind(row.created).bind(row.used).bind(row.bytes);
  if (row.boot.empty()) {
    cursor.bind_null();
  } else {
    cursor.bind(row.boot);
  }
  return cursor.run();
}

Result<std::optional<SnapshotRow>> by_id(Database& database, std::string_view id) {
  auto cursor = SLIP_TRY(database.query(
      "SELECT id, kind, key, metadata, created, used, bytes, boot FROM snapshots WHERE id = ?"));
  cursor.bind(id);
  return one(cursor);
}

Result<std::optional<SnapshotRow>> by_key(Database& database, SnapshotKind kind,
                                          std::string_view key) {
  auto cursor = SLIP_TRY(
      database.query("SELECT id, kind, key, metadata, created, used, bytes, boot FROM snapshots "
                     "WHERE kind = ? AND key = ? AND key <> ''"));
  cursor.bind(kind_name(kind)).bind(key);
  return one(cursor);
}

Result<std::optional<SnapshotRow>> layer(Database& database, std::string_view diff_id) {
  if (auto made = SLIP_TRY(by_key(database, SnapshotKind::kLayer, diff_id))) return made;
  return packs_to(database, diff_id);
}

Result<std::optional<SnapshotRow>> packs_to(Database& database, std::string_view diff_id) {
  auto cursor = SLIP_TRY(
      database.query("SELECT id, kind, key, metadata, created, used, bytes, boot FROM snapshots "
                     "WHERE diff_id = ? LIMIT 1"));
  cursor.bind(diff_id);
  return one(cursor);
}

Result<std::optional<Packed>> packed(Database& database, std::string_view id) {
  auto cursor = SLIP_TRY(database.query(
      "SELECT diff_id, tar_size FROM snapshots WHERE id = ? AND diff_id IS NOT NULL"));
  cursor.bind(id);
  if (!SLIP_TRY(cursor.step())) return std::optional<Packed>();
  return std::optional(Packed{cursor.text(0), cursor.integer(1)});
}

Status set_packed(Database& database, std::string_view id, const Packed& packed) {
  auto cursor = SLIP_TRY(
      database.query("UPDATE snapshots SET diff_id = ?, tar_size = ?, boot = NULL WHERE id = ?"));
  return cursor.bind(packed.diff_id).bind(packed.size).bind(id).run();
}

Status set_bytes(Database& database, std::string_view id, std::int64_t bytes) {
  auto cursor = SLIP_TRY(database.query("UPDATE snapshots SET bytes = ? WHERE id = ?"));
  return cursor.bind(bytes).bind(id).run();
}

Status touch(Database& database, std::string_view id, std::int64_t used) {
  auto cursor = SLIP_TRY(database.query("UPDATE snapshots SET used = ? WHERE id = ?"));
  return cursor.bind(used).bind(id).run();
}

Status remove(Database& database, std::string_view id) {
  auto cursor = SLIP_TRY(database.query("DELETE FROM snapshots WHERE id = ?"));
  return cursor.bind(id).run();
}

Result<std::vector<std::string>> all_ids(Database& database) {
  auto cursor = SLIP_TRY(database.query("SELECT id FROM snapshots"));
  return texts(cursor);
}

// A layer of some image, by its key or because it became one.
#define SLIP_NEEDED_BY_IMAGE                                                                    \
  "((kind = 'layer' AND EXISTS (SELECT 1 FROM image_layers WHERE diff_id = snapshots.key)) OR " \
  "(snapshots.diff_id IS NOT NULL AND EXISTS "                                                  \
  "(SELECT 1 FROM image_layers WHERE diff_id = snapshots.diff_id)))"

Result<std::vector<std::string>> removable(Database& database, SnapshotKind kind,
                                           std::int64_t used_before) {
  auto cursor =
      SLIP_TRY(database.query("SELECT id FROM snapshots WHERE kind = ? AND used < ? AND "
                              "NOT " SLIP_NEEDED_BY_IMAGE " ORDER BY used"));
  cursor.bind(kind_name(kind)).bind(used_before);
  return texts(cursor);
}

Result<bool> is_removable(Database& database, std::string_view id, std::int64_t used_before) {
  auto cursor =
      SLIP_TRY(database.query("SELECT 1 FROM snapshots WHERE id = ? AND used < ? AND "
                              "NOT " SLIP_NEEDED_BY_IMAGE));
  cursor.bind(id).bind(used_before);
  return cursor.step();
}

Result<std::vector<SnapshotRow>> by_use(Database& database) {
  auto cursor = SLIP_TRY(
      database.query("SELECT id, kind, key, metadata, created, used, bytes, boot FROM snapshots "
                     "WHERE NOT " SLIP_NEEDED_BY_IMAGE " ORDER BY used, id"));
  std::vector<SnapshotRow> rows;
  while (SLIP_TRY(cursor.step())) rows.push_back(row_of(cursor));
  return rows;
}

#undef SLIP_NEEDED_BY_IMAGE

}  // namespace snapshot_rows
}  // namespace slipway::cachestore
