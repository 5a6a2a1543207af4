#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cachestore/index/database.h"

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

}  // namespace registry_rows
}  // namespace slipway::cachestore
