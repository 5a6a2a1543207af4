#pragma once

#include <string_view>

namespace slipway::cachestore {

/// The words that ORAS and we use for files in a registry.
constexpr std::string_view kUnpack = "io.deis.oras.content.unpack";
constexpr std::string_view kUnpackedDigest = "io.deis.oras.content.digest";  ///< Of the plain tar.
/// Spec: OCI image-spec, manifest.md "Guidance for an Empty Descriptor".
constexpr std::string_view kEmptyObject = "{}";

}  // namespace slipway::cachestore
