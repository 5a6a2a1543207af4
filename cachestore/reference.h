#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"

namespace slipway::cachestore {

/// An image name as docker reads it. "alpine" -> docker.io / library/alpine : latest.
/// Spec: distribution/reference grammar; name at most 255 bytes, tag at most 128.
struct Reference {
  std::string registry;    ///< "docker.io", "localhost:5000"
  std::string repository;  ///< "library/alpine"
  std::string tag;         ///< Empty only when a digest is given without a tag.
  std::optional<Digest> digest;

  /// Precise kInvalid errors: `parse image name "Foo": repository must be lower case`.
  static Result<Reference> parse(std::string_view text);
  std::string canonical() const;  ///< "docker.io/library/alpine:latest"
  std::string familiar() const;   ///< "alpine:latest", as docker prints it.
  bool operator==(const Reference&) const = default;
};

}  // namespace slipway::cachestore
