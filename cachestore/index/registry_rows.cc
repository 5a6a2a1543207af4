// SQL of the tables about registries.
#include "cachestore/index/registry_rows.h"

namespace slipway::cachestore::registry_rows {
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

}  // namespace slipway::cachestore::registry_rows
