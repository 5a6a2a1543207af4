#pragma once

#include "cachestore/index/database.h"
#include "cachestore/snapshot/store_core.h"

namespace slipway::cachestore {

/// The two files besides blobs/ that make a store an OCI image layout, readable by other tools.
/// Spec: OCI image-spec, image-layout.md.

/// `oci-layout`, when missing.
Status ensure_layout_file(const StoreCore& core);
/// Rewrites `index.json` from the index. Call inside the transaction that changed images; derived,
/// so not synced.
Status write_layout_index(const StoreCore& core, Database& database);

}  // namespace slipway::cachestore
