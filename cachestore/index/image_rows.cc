// SQL of the tables about images and blobs. Rules about what they mean live in image/ and blob/.
#include "cachestore/index/image_rows.h"

namespace slipway::cachestore {
namespace {

Result<std::vector<std::string>> texts(Cursor& cursor) {
  std::vector<std::string> all;
  while (SLIP_TRY(cursor.step())) all.push_back(cursor.text(0));
  return all;
}

Result<std::vector<std::string>> texts_of(Database& database, const char* sql,
                                          std::string_view key) {
  auto cursor = SLIP_TRY(database.query(sql));
  cursor.bind(key);
  return texts(cursor);
}

Result<std::optional<std::string>> first_of(Database& database, const char* sql,
                                            std::string_view key) {
  auto cursor = SLIP_TRY(database.query(sql));
  cursor.bind(key);
  if (!SLIP_TRY(cursor.step())) return std::optional<std::string>();
  return std::optional(cursor.text(0));
}

Status run(Database& database, const char* sql, std::string_view first) {
  auto cursor = SLIP_TRY(database.query(sql));
  return cursor.bind(first).run();
}

Status run(Database& database, const char* sql, std::string_view first, std::string_view second) {
  auto cursor = SLIP_TRY(database.query(sql));
  return cursor.bind(first).bind(second).run();
}

Status put_layers(Database& database, const ImageRow& row) {
  std::int64_t position = 0;
  for (const std::string& diff_id : row.diff_ids) {
    auto cursor = SLIP_TRY(database.query(
        "INSERT OR REPLACE INTO image_layers (image, position, diff_id) VALUES (?, ?, ?)"));
    SLIP_TRY(cursor.bind(row.id).bind(position++).bind(diff_id).run());
  }
  return {};
}

}  // namespace

namespace image_rows {

Status put(Database& database, const ImageRow& row, const std::vector<std::string>& blobs) {
  {
    auto cursor =
        SLIP_TRY(database.query("INSERT INTO images (id, manifest, created, parent) "
                                "VALUES (?, ?, ?, ?) "
                                "ON CONFLICT (id) DO UPDATE SET manifest = excluded.manifest"));
    cursor.bind(row.id).bind(row.manifest).bind(row.created);
    if (row.parent.empty()) {
      cursor.bind_null();
    } else {
      cursor.bind(row.parent);
    }
    SLIP_TRY(cursor.run());
  }
  SLIP_TRY(put_layers(database, row));
  for (const std::string& blob : blobs) {
    SLIP_TRY(run(database, "INSERT OR IGNORE INTO image_blobs (image, digest) VALUES (?, ?)",
                 row.id, blob));
  }
  return {};
}

Status set_name(Database& database, std::string_view name, std::string_view id) {
  return run(database, "INSERT OR REPLACE INTO image_names (name, image) VALUES (?, ?)", name, id);
}

Status remove_name(Database& database, std::string_view name) {
  return run(database, "DELETE FROM image_names WHERE name = ?", name);
}

Status remove(Database& database, std::string_view id) {
  SLIP_TRY(run(database, "DELETE FROM image_names WHERE image = ?", id));
  SLIP_TRY(run(database, "DELETE FROM repo_digests WHERE image = ?", id));
  SLIP_TRY(run(database, "DELETE FROM image_layers WHERE image = ?", id));
  SLIP_TRY(run(database, "DELETE FROM image_blobs WHERE image = ?", id));
  return run(database, "DELETE FROM images WHERE id = ?", id);
}

Result<std::optional<ImageRow>> by_id(Database& database, std::string_view id) {
  ImageRow row;
  {
    auto cursor =
        SLIP_TRY(database.query("SELECT id, manifest, created, parent FROM images WHERE id = ?"));
    cursor.bind(id);
    if (!SLIP_TRY(cursor.step())) return std::optional<ImageRow>();
    row.id = cursor.text(0);
    row.manifest = cursor.text(1);
    row.created = cursor.integer(2);
    row.parent = cursor.text(3);
  }
  row.names = SLIP_TRY(
      texts_of(database, "SELECT name FROM image_names WHERE image = ? ORDER BY name", id));
  row.diff_ids = SLIP_TRY(
      texts_of(database, "SELECT diff_id FROM image_layers WHERE image = ? ORDER BY position", id));
  return std::optional(std::move(row));
}

Result<std::optional<std::string>> id_of_name(Database& database, std::string_view name) {
  return first_of(database, "SELECT image FROM image_names WHERE name = ?", name);
}

Result<std::optional<std::string>> id_of_manifest(Database& database, std::string_view manifest) {
  return first_of(database, "SELECT id FROM images WHERE manifest = ?", manifest);
}

Result<std::vector<std::string>> ids_with_prefix(Database& database, std::string_view prefix) {
  // A digest's hex digits all sort before 'g', so this range is exactly the prefix.
  const std::string end = std::string(prefix) + "g";
  auto cursor = SLIP_TRY(
      database.query("SELECT id FROM images WHERE id >= ? AND id < ? ORDER BY id LIMIT 2"));
  cursor.bind(prefix).bind(end);
  return texts(cursor);
}

Result<std::vector<std::string>> all_ids(Database& database) {
  auto cursor = SLIP_TRY(database.query("SELECT id FROM images ORDER BY created DESC, id"));
  return texts(cursor);
}

Result<std::vector<std::string>> all_names(Database& database) {
  auto cursor = SLIP_TRY(database.query("SELECT name FROM image_names ORDER BY name"));
  return texts(cursor);
}

Result<bool> has_children(Database& database, std::string_view id) {
  auto cursor = SLIP_TRY(database.query("SELECT 1 FROM images WHERE parent = ? LIMIT 1"));
  cursor.bind(id);
  return cursor.step();
}

Status add_use(Database& database, std::string_view id, std::string_view user, std::int64_t since) {
  auto cursor = SLIP_TRY(
      database.query("INSERT OR IGNORE INTO image_uses (image, user, since) VALUES (?, ?, ?)"));
  return cursor.bind(id).bind(user).bind(since).run();
}

Status remove_use(Database& database, std::string_view id, std::string_view user) {
  return run(database, "DELETE FROM image_uses WHERE image = ? AND user = ?", id, user);
}

Result<std::vector<std::string>> users(Database& database, std::string_view id) {
  return texts_of(database, "SELECT user FROM image_uses WHERE image = ? ORDER BY since, user", id);
}

Result<std::vector<std::pair<std::string, std::string>>> all_uses(Database& database) {
  auto cursor =
      SLIP_TRY(database.query("SELECT image, user FROM image_uses ORDER BY image, since, user"));
  std::vector<std::pair<std::string, std::string>> uses;
  while (SLIP_TRY(cursor.step())) uses.emplace_back(cursor.text(0), cursor.text(1));
  return uses;
}

}  // namespace image_rows

namespace blob_rows {

Status put(Database& database, const BlobRow& row, std::int64_t created) {
  auto cursor = SLIP_TRY(database.query(
      "INSERT OR IGNORE INTO blobs (digest, size, created, diff_id) VALUES (?, ?, ?, ?)"));
  cursor.bind(row.digest).bind(row.size).bind(created);
  if (row.diff_id.empty()) {
    cursor.bind_null();
  } else {
    cursor.bind(row.diff_id);
  }
  return cursor.run();
}

Result<std::optional<BlobRow>> get(Database& database, std::string_view digest) {
  auto cursor =
      SLIP_TRY(database.query("SELECT digest, size, diff_id FROM blobs WHERE digest = ?"));
  cursor.bind(digest);
  if (!SLIP_TRY(cursor.step())) return std::optional<BlobRow>();
  return std::optional(BlobRow{cursor.text(0), cursor.integer(1), cursor.text(2)});
}

Result<bool> any_layer_of_size(Database& database, std::int64_t size) {
  auto cursor = SLIP_TRY(
      database.query("SELECT 1 FROM blobs WHERE size = ? AND diff_id IS NOT NULL LIMIT 1"));
  cursor.bind(size);
  return cursor.step();
}

Status remove(Database& database, std::string_view digest) {
  SLIP_TRY(run(database, "DELETE FROM blob_repositories WHERE digest = ?", digest));
  return run(database, "DELETE FROM blobs WHERE digest = ?", digest);
}

Result<std::vector<std::string>> all(Database& database) {
  auto cursor = SLIP_TRY(database.query("SELECT digest FROM blobs"));
  return texts(cursor);
}

Result<std::vector<std::string>> only_of_image(Database& database, std::string_view id) {
  return texts_of(database,
                  "SELECT digest FROM image_blobs AS mine WHERE image = ? AND NOT EXISTS (SELECT 1 "
                  "FROM image_blobs WHERE digest = mine.digest AND image <> mine.image)",
                  id);
}

Result<std::vector<std::string>> orphans(Database& database, std::int64_t before) {
  auto cursor = SLIP_TRY(
      database.query("SELECT digest FROM blobs WHERE created < ? AND NOT EXISTS "
                     "(SELECT 1 FROM image_blobs WHERE image_blobs.digest = blobs.digest)"));
  cursor.bind(before);
  return texts(cursor);
}

Result<std::optional<BlobRow>> of_layer(Database& database, std::string_view diff_id) {
  auto cursor = SLIP_TRY(database.query(
      "SELECT digest, size, diff_id FROM blobs WHERE diff_id = ? ORDER BY size, digest LIMIT 1"));
  cursor.bind(diff_id);
  if (!SLIP_TRY(cursor.step())) return std::optional<BlobRow>();
  return std::optional(BlobRow{cursor.text(0), cursor.integer(1), cursor.text(2)});
}

}  // namespace blob_rows
}  // namespace slipway::cachestore
