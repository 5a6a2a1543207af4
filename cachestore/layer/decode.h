#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "cachestore/layer/byte_source.h"

namespace slipway::cachestore {

enum class Compression { kNone, kGzip, kZstd };

struct Decoded {
  Compression compression = Compression::kNone;
  std::unique_ptr<ByteSource> bytes;  ///< Refers to the raw source.
};

/// Finds out by content how `raw` is compressed and decodes it. More than `max_ratio` times the input, beyond 64 MiB,
/// is kExhausted; damaged, truncated or trailing data is kCorrupt; xz, bzip2 and zip are kUnsupported by name.
Result<Decoded> decode(ByteSource& raw, const std::string& name, std::uint64_t max_ratio);

}  // namespace slipway::cachestore
