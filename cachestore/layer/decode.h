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

/// xz and bzip2 have no media type for layers: they are read where only the files matter.
enum class RareForms { kNo, kYes };
/// Finds out by content how `raw` is compressed and decodes it. More than `max_ratio` times the input, beyond 64 MiB,
/// is kExhausted; damaged, truncated or trailing data is kCorrupt; zip, and without `rare` xz and bzip2, are
/// kUnsupported by name.
Result<Decoded> decode(ByteSource& raw, const std::string& name, std::uint64_t max_ratio,
                       RareForms rare = RareForms::kNo);

}  // namespace slipway::cachestore
