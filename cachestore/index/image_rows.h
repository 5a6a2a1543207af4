#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "cachestore/index/database.h"

namespace slipway::cachestore {

/// A row of `images` with what belongs to it.
struct ImageRow {
  std::string id;        ///< "sha256:…" of the config.
  std::string manifest;  ///< "sha256:…"
  std::int64_t created = 0;
  std::string parent;                 ///< Id; empty: none.
  std::vector<std::string> names;     ///< Canonical references, sorted.
  std::vector<std::string> diff_ids;  ///< Bottom first.
};

struct BlobRow {
  std::string digest;
  std::int64_t size = 0;
  std::string diff_id;  ///< Of layers; else empty.
};

namespace image_rows {

/// Inserts the image or, when the config is known already, replaces its manifest; then its layers
/// and blobs.
Status put(Database& database, const ImageRow& row, const std::vector<std::string>& blobs);
Status set_name(Database& database, std::string_view name, std::string_view id);
Status remove_name(Database& database, std::string_view name);
/// Deletes the image, its names and its use of layers and blobs (not the blobs' own rows).
Status remove(Database& database, std::string_view id);

Result<std::optional<ImageRow>> by_id(Database& database, std::string_view id);
/// Id of the image that `name` points to.
Result<std::optional<std::string>> id_of_name(Database& database, std::string_view name);
Result<std::optional<std::string>> id_of_manifest(Database& database, std::string_view manifest);
/// At most two ids that start with `prefix` ("sha256:" included): enough to tell unique from
/// ambiguous.
Result<std::vector<std::string>> ids_with_prefix(Database& database, std::string_view prefix);
Result<std::vector<std::string>> all_ids(Database& database);  ///< Newest first.
Result<std::vector<std::string>> all_names(Database& database);
Result<bool> has_children(Database& database, std::string_view id);

/// Users hold an image; the pair is the key.
Status add_use(Database& database, std::string_view id, std::string_view user, std::int64_t since);
Status remove_use(Database& database, std::string_view id, std::string_view user);
Result<std::vector<std::string>> users(Database& database, std::string_view id);
/// Image and user, ordered.
Result<std::vector<std::pair<std::string, std::string>>> all_uses(Database& database);

}  // namespace image_rows

namespace blob_rows {

Status put(Database& database, const BlobRow& row, std::int64_t created);
Result<std::optional<BlobRow>> get(Database& database, std::string_view digest);
Status remove(Database& database, std::string_view digest);
/// Whether some layer blob has this size: only then hashing a file could find it known.
Result<bool> any_layer_of_size(Database& database, std::int64_t size);
Result<std::vector<std::string>> all(Database& database);
/// Blobs of image `id` that no other image uses.
Result<std::vector<std::string>> only_of_image(Database& database, std::string_view id);
/// Older than `before` and of no image.
Result<std::vector<std::string>> orphans(Database& database, std::int64_t before);
/// The stored form of the layer `diff_id`, if there is one; the smallest.
Result<std::optional<BlobRow>> of_layer(Database& database, std::string_view diff_id);

}  // namespace blob_rows
}  // namespace slipway::cachestore
