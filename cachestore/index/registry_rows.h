#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cachestore/index/image_rows.h"

namespace slipway::cachestore {

/// What is remembered of registries. A repository is "docker.io/library/alpine": registry and name.
namespace registry_rows {

/// `platform`: the one asked for when `digest` is of an index, else empty.
Status put_digest(Database& database, std::string_view repository, std::string_view digest,
                  std::string_view platform, std::string_view image);
/// The image that `digest` means for `platform`, or that has this manifest.
Result<std::optional<std::string>> image_of_digest(Database& database, std::string_view repository,
                                                   std::string_view digest,
                                                   std::string_view platform);
/// The one recorded last when platforms differ: what `name@digest` means without a platform.
Result<std::optional<std::string>> any_image_of_digest(Database& database,
                                                       std::string_view repository,
                                                       std::string_view digest);
/// "repository@digest" of an image, sorted.
Result<std::vector<std::string>> digests_of_image(Database& database, std::string_view image);

Status put_blob_repository(Database& database, std::string_view digest,
                           std::string_view repository);
/// Repositories that begin with `registry` + "/" and are known to have the blob; a few.
Result<std::vector<std::string>> blob_repositories(Database& database, std::string_view digest,
                                                   std::string_view registry);

/// Whether any registry is known to have it.
Result<bool> in_some_repository(Database& database, std::string_view digest);

}  // namespace registry_rows

/// Layers that a pull has finished before its image is: known in this boot only, until the image is recorded.
namespace pull_rows {

/// Whether the blob's bytes are as they were received.
Result<bool> blob_trusted(Database& database, std::string_view digest, std::string_view boot);
/// Whether it was put in this or another boot and not confirmed since.
Result<bool> blob_relaxed(Database& database, std::string_view digest);
Status put_blob(Database& database, const BlobRow& row, std::int64_t created,
                std::string_view boot);
/// After a sync: blob and snapshot are on disk.
Status confirm(Database& database, std::string_view digest, std::string_view diff_id);

}  // namespace pull_rows

/// What a layer made here became when it was packed and compressed, so that a registry can be asked for it.
struct PackedRow {
  std::string diff_id;
  std::string media_type;
  std::string digest;
  std::int64_t size = 0;
};
namespace packed_rows {

Status put(Database& database, const PackedRow& row);
Result<std::optional<PackedRow>> get(Database& database, std::string_view diff_id,
                                     std::string_view media_type);

}  // namespace packed_rows
}  // namespace slipway::cachestore
