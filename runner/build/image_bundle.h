#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "runner/build/build.h"
#include "runner/build/export.h"
#include "runner/build/oci_layout.h"

namespace slipway::runner {

/// What is asked of an output beside its kind.
struct BundleOptions {
  cachestore::BlobForm form = cachestore::BlobForm::kKeep;
  std::vector<std::string> names;  ///< Canonical.
};
/// Value of an output's attribute, or "".
std::string attribute_of(const BuildOutput& output, std::string_view name);
/// compression=uncompressed|gzip|zstd; kKeep when nothing is said. kInvalid otherwise.
Result<cachestore::BlobForm> form_of(const BuildOutput& output);

/// The images' manifests and everything below them into a layout; an index above when there are several platforms or
/// attestations.
Result<OciDescriptor> add_bundle(cachestore::Store& store, const ExportRequest& request,
                                 const BuildOutput& output, const BundleOptions& options,
                                 OciLayout& layout, const CancelToken& cancel);
/// Whether the manifest is more than what pushing the store's image would give.
bool needs_bundle(const ExportRequest& request, const BuildOutput& output);

/// SPDX 2.3 of the packages that Debian's and Alpine's databases in the image name. (sbom.cc)
Result<Json> make_sbom(const cachestore::Image& image, const std::string& name, WallTime created);

}  // namespace slipway::runner
