#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "cachestore/layer/byte_source.h"

namespace slipway::cachestore {

/// xz and bzip2, decoded by libraries that are loaded when one is met; the same limits as decode(). Several streams
/// follow each other and make one. kUnsupported says which package is missing.
using RareDecoder = Result<std::unique_ptr<ByteSource>> (*)(std::unique_ptr<ByteSource> input,
                                                            const std::string& name,
                                                            std::uint64_t max_ratio);
Result<std::unique_ptr<ByteSource>> decode_xz(std::unique_ptr<ByteSource> input,
                                              const std::string& name, std::uint64_t max_ratio);
Result<std::unique_ptr<ByteSource>> decode_bzip2(std::unique_ptr<ByteSource> input,
                                                 const std::string& name, std::uint64_t max_ratio);

}  // namespace slipway::cachestore
