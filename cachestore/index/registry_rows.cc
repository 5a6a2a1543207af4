// SQL of the tables about registries.
#include "cachestore/index/registry_rows.h"

namespace slipway::cachestore {
namespace {

Result<std::optional<std::string>> first(Cursor& cursor) {
  if (!SLIP_TRY(cursor.step())) return std::optional<std::string>();
  return std::optional(cursor.text(0));
}

Result<std::vector<std::string>> texts(Cursor& cursor) {
  std::vector<std::string> all;
  while (SLIP_TRY(cursor.step())) all.push_back(cursor.text(0));
  return all;
}

}  // namespace

namespace registry_rows {

Status put_digest(Database& database, std::string_view repository, std::string_view digest,
                  std::string_view platform, std::string_view image) {
  auto cursor = SLIP_TRY(
      database.query("INSERT OR REPLACE INTO repo_digests (repository, digest, platform, image) "
                     "VALUES (?, ?, ?, ?)"));
  return cursor.bind(repository).bind(digest).bind(platform).bind(image).run();
}

Result<std::optional<std::string>> image_of_digest(Database& database, std::string_view repository,
                                                   std::string_view digest,
                                                   std::string_view platform) {
  auto cursor =
      SLIP_TRY(database.query("SELECT image FROM repo_digests WHERE repository = ? AND digest = ? "
                              "AND platform IN (?, '')"));
  cursor.bind(repository).bind(digest).bind(platform);
  return first(cursor);
}

Result<std::optional<std::string>> any_image_of_digest(Database& database,
                                                       std::string_view repository,
                                                       std::string_view digest) {
  auto cursor = SLIP_TRY(database.query(
      "SELECT image FROM repo_digests JOIN images ON images.id = image WHERE repository = ? AND "
      "digest = ? ORDER BY images.created DESC LIMIT 1"));
  cursor.bind(repository).bind(digest);
  return first(cursor);
}

Result<std::vector<std::string>> digests_of_image(Database& database, std::string_view image) {
  auto cursor =
      SLIP_TRY(database.query("SELECT DISTINCT repository || '@' || digest FROM repo_digests "
                              "WHERE image = ? ORDER BY 1"));
  cursor.bind(image);
  return texts(cursor);
}

Status put_blob_repository(Database& database, std::string_view digest,
                           std::string_view repository) {
  auto cursor = SLIP_TRY(
      database.query("INSERT OR IGNORE INTO blob_repositories (digest, repository) VALUES (?, ?)"));
  return cursor.bind(digest).bind(repository).run();
}

Result<std::vector<std::string>> blob_repositories(Database& database, std::string_view digest,
                                                   std::string_view registry) {
  // '0' follows '/': this range is exactly the prefix "registry/".
  const std::string from = std::string(registry) + "/";
  const std::string end = std::string(registry) + "0";
  auto cursor = SLIP_TRY(database.query(
      "SELECT repository FROM blob_repositories WHERE digest = ? AND repository >= ? AND "
      "repository < ? LIMIT 4"));
  cursor.bind(digest).bind(std::string_view(from)).bind(std::string_view(end));
  return texts(cursor);
}

Result<bool> in_some_repository(Database& database, std::string_view digest) {
  auto cursor =
      SLIP_TRY(database.query("SELECT 1 FROM blob_repositories WHERE digest = ? LIMIT 1"));
  cursor.bind(digest);
  return cursor.step();
}

}  // namespace registry_rows

namespace pull_rows {

Result<bool> blob_trusted(Database& database, std::string_view digest, std::string_view boot) {
  auto cursor =
      SLIP_TRY(database.query("SELECT 1 FROM blobs WHERE digest = ? AND diff_id IS NOT NULL AND "
                              "(boot IS NULL OR boot = ?)"));
  cursor.bind(digest).bind(boot);
  return cursor.step();
}

Result<bool> blob_relaxed(Database& database, std::string_view digest) {
  auto cursor =
      SLIP_TRY(database.query("SELECT 1 FROM blobs WHERE digest = ? AND boot IS NOT NULL"));
  cursor.bind(digest);
  return cursor.step();
}

Status put_blob(Database& database, const BlobRow& row, std::int64_t created,
                std::string_view boot) {
  auto cursor =
      SLIP_TRY(database.query("INSERT OR REPLACE INTO blobs (digest, size, created, diff_id, boot) "
                              "VALUES (?, ?, ?, ?, ?)"));
  cursor.bind(row.digest).bind(row.size).bind(created).bind(row.diff_id).bind(boot);
  return cursor.run();
}

Status confirm(Database& database, std::string_view digest, std::string_view diff_id) {
  auto blob = SLIP_TRY(database.query("UPDATE blobs SET boot = NULL WHERE digest = ?"));
  SLIP_TRY(blob.bind(digest).run());
  auto snapshot =
      SLIP_TRY(database.query("UPDATE snapshots SET boot = NULL WHERE kind = 'layer' AND key = ?"));
  return snapshot.bind(diff_id).run();
}

}  // namespace pull_rows

namespace packed_rows {

Status put(Database& database, const PackedRow& row) {
  auto cursor = SLIP_TRY(
      database.query("INSERT OR REPLACE INTO packed_layers (diff_id, media_type, digest, size) "
                     "VALUES (?, ?, ?, ?)"));
  return cursor.bind(row.diff_id).bind(row.media_type).bind(row.digest).bind(row.size).run();
}

Result<std::optional<PackedRow>> get(Database& database, std::string_view diff_id,
                                     std::string_view media_type) {
  auto cursor = SLIP_TRY(database.query(
      "SELECT digest, size FROM packed_layers WHERE diff_id = ? AND media_type = ?"));
  cursor.bind(diff_id).bind(media_type);
  if (!SLIP_TRY(cursor.step())) return std::optional<PackedRow>();
  return std::optional(
      PackedRow{std::string(diff_id), std::string(media_type), cursor.text(0), cursor.integer(1)});
}

}  // namespace packed_rows
}  // namespace slipway::cachestore
