// The tables of store.db and how an older store becomes a current one. A migration is never edited
// once released; a change is a new row of kMigrations.
#include <array>
#include <string>

#include "cachestore/index/database.h"

namespace slipway::cachestore {
namespace {

struct Migration {
  std::int64_t version;
  const char* name;
  const char* sql;
};

// snapshots.boot: the boot in which a snapshot was written without a sync, so that after a power
// cut it is not trusted; NULL once its files are known to be on disk. Times are milliseconds since
// 1970.
constexpr const char* kFirst = R"sql(
  CREATE TABLE snapshots (
    id TEXT PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL, metadata TEXT NOT NULL,
    created INTEGER NOT NULL, used INTEGER NOT NULL, bytes INTEGER NOT NULL, boot TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX snapshots_by_key ON snapshots (kind, key) WHERE key <> '';
  CREATE INDEX snapshots_by_use ON snapshots (kind, used);
  CREATE TABLE blobs (
    digest TEXT PRIMARY KEY, size INTEGER NOT NULL, created INTEGER NOT NULL, diff_id TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX blobs_by_size ON blobs (size) WHERE diff_id IS NOT NULL;
  CREATE TABLE images (
    id TEXT PRIMARY KEY, manifest TEXT NOT NULL, created INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE image_names (
    name TEXT PRIMARY KEY, image TEXT NOT NULL REFERENCES images (id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX image_names_by_image ON image_names (image);
  CREATE TABLE image_layers (
    image TEXT NOT NULL REFERENCES images (id), position INTEGER NOT NULL, diff_id TEXT NOT NULL,
    PRIMARY KEY (image, position)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX image_layers_by_diff ON image_layers (diff_id);
  CREATE TABLE image_blobs (
    image TEXT NOT NULL REFERENCES images (id), digest TEXT NOT NULL,
    PRIMARY KEY (image, digest)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX image_blobs_by_digest ON image_blobs (digest);
)sql";

// repo_digests: what a repository called an image; `digest` is of its manifest or of the index it was chosen from, and
// then `platform` is the one asked for. blob_repositories: where a registry is known to have a blob, for mounts.
// packed_layers: what layers made here became when they were pushed.
// blobs.boot: as snapshots.boot, of layers of a pull that has not ended.
constexpr const char* kRegistries = R"sql(
  CREATE TABLE repo_digests (
    repository TEXT NOT NULL, digest TEXT NOT NULL, platform TEXT NOT NULL,
    image TEXT NOT NULL REFERENCES images (id),
    PRIMARY KEY (repository, digest, platform)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX repo_digests_by_image ON repo_digests (image);
  CREATE TABLE blob_repositories (
    digest TEXT NOT NULL, repository TEXT NOT NULL,
    PRIMARY KEY (digest, repository)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE packed_layers (
    diff_id TEXT NOT NULL, media_type TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
    PRIMARY KEY (diff_id, media_type)
  ) STRICT, WITHOUT ROWID;
  ALTER TABLE blobs ADD COLUMN boot TEXT;
)sql";

// images.parent: what an image was made from here. image_uses: containers, running or not. snapshots.diff_id,
// tar_size: of what pack_layer() makes of it, once that is known; so a step's snapshot becomes a layer without a copy.
constexpr const char* kOrigins = R"sql(
  ALTER TABLE images ADD COLUMN parent TEXT;
  CREATE INDEX images_by_parent ON images (parent) WHERE parent IS NOT NULL;
  CREATE TABLE image_uses (
    image TEXT NOT NULL REFERENCES images (id), user TEXT NOT NULL, since INTEGER NOT NULL,
    PRIMARY KEY (image, user)
  ) STRICT, WITHOUT ROWID;
  ALTER TABLE snapshots ADD COLUMN diff_id TEXT;
  ALTER TABLE snapshots ADD COLUMN tar_size INTEGER;
  CREATE INDEX snapshots_by_diff ON snapshots (diff_id) WHERE diff_id IS NOT NULL;
  CREATE INDEX blobs_by_diff ON blobs (diff_id) WHERE diff_id IS NOT NULL;
)sql";

constexpr std::array kMigrations = {
    Migration{1, "snapshots, blobs, images", kFirst},
    Migration{2, "registries", kRegistries},
    Migration{3, "parents and users of images, layers among other snapshots", kOrigins},
};
constexpr std::int64_t kCurrent = kMigrations.back().version;

Result<std::int64_t> stored_version(Database& database) {
  auto cursor = SLIP_TRY(database.query("PRAGMA user_version"));
  SLIP_TRY(cursor.step());
  return cursor.integer(0);
}

Status apply_migrations(Database& database) {
  // Read again under the write lock: another process may have migrated meanwhile.
  const std::int64_t from = SLIP_TRY(stored_version(database));
  SLIP_TRY(database.exec(
      "CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, name TEXT NOT NULL, "
      "applied TEXT NOT NULL DEFAULT (datetime('now'))) STRICT"));
  for (const Migration& migration : kMigrations) {
    if (migration.version <= from) continue;
    SLIP_TRY(database.exec(migration.sql));
    auto record = SLIP_TRY(database.query("INSERT INTO migrations (version, name) VALUES (?, ?)"));
    SLIP_TRY(record.bind(migration.version).bind(std::string_view(migration.name)).run());
  }
  const std::string set = "PRAGMA user_version=" + std::to_string(kCurrent);
  return database.exec(set.c_str());
}

}  // namespace

Status migrate(Database& database) {
  const std::int64_t version = SLIP_TRY(stored_version(database));
  if (version == kCurrent) return {};
  if (version > kCurrent || version < 0) {
    return fail(ErrorCode::kUnsupported,
                "open store index " + database.path() + ": it has schema version " +
                    std::to_string(version) + ", this runner knows up to " +
                    std::to_string(kCurrent) + "; use the newer runner or another --state");
  }
  return database.transaction(SyncMode::kFull, [&] { return apply_migrations(database); });
}

}  // namespace slipway::cachestore
