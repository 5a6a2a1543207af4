#pragma once

#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "runner/build/build.h"

namespace slipway::runner {

/// One cached step.
struct CacheRecord {
  std::string key;       ///< Of the step, as the solver computes it on every machine.
  std::string snapshot;  ///< In this store (export) or after fetch_cached_layer() brought it.
  Digest diff_id;
  Json metadata;
};

/// What leaves a build, after its images are in the store.
struct ExportRequest {
  const BuildRequest& request;
  const std::vector<BuiltImage>& images;  ///< One a platform.
  /// A stage without an image (local and tar of a `scratch` target): its stack, bottom first.
  std::vector<std::string> stack;
  Json provenance;  ///< SLSA predicate; null: none asked.
  std::vector<CacheRecord> inline_cache =
      {};  ///< --cache-to type=inline: told in the image's manifest.
};
/// Annotation of a manifest: the records of an inline cache; their layers are the image's.
constexpr const char* kInlineCache = "dev.slipway.build.cache";
Json inline_cache_json(const std::vector<CacheRecord>& records);

/// Carries out every output (image names, push, oci, docker, local, tar); the digest is of the last manifest or index.
Result<std::optional<Digest>> export_build(const BuildPlace& place, const ExportRequest& request,
                                           BuildObserver& observer, const CancelToken& cancel);

/// Cache records in and out: which key gives which layer. `local` is an OCI layout, `registry` the same as a manifest;
/// docs/decisions/030 has the format. `inline` is export_build()'s business: nothing is done here.
Status export_cache(const BuildPlace& place, const CacheEndpoint& to,
                    const std::vector<CacheRecord>& records, const CancelToken& cancel);
/// Only the records; a layer is brought by fetch_cached_layer() when a key is wanted. A source that is not there is no
/// error: an empty list and a note.
struct ImportedCache {
  CacheEndpoint from;
  std::vector<CacheRecord> records;
  std::shared_ptr<void> source;
};
Result<ImportedCache> import_cache(const BuildPlace& place, const CacheEndpoint& from,
                                   BuildObserver& observer, const CancelToken& cancel);
Result<cachestore::Snapshot> fetch_cached_layer(const BuildPlace& place, const ImportedCache& cache,
                                                const CacheRecord& record,
                                                const CancelToken& cancel);

}  // namespace slipway::runner
