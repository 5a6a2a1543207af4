#pragma once

#include <string>
#include <vector>

#include "cachestore/image/config_json.h"
#include "cachestore/image/staged_archive.h"

namespace slipway::cachestore {

/// An image as the documents of an archive describe it. Its layers are not unpacked yet: diff IDs are claims.
struct ArchivedImage {
  Digest id;
  std::string config;
  std::vector<Digest> diff_ids;
  std::string manifest;  ///< As it came, or made from the layers.
  std::vector<const StagedEntry*> layers;
  std::vector<Reference> names;
};

/// Reads docker's manifest.json or an OCI index.json. Errors name the document.
Result<std::vector<ArchivedImage>> read_archived_images(const StagedArchive& archive);

}  // namespace slipway::cachestore
