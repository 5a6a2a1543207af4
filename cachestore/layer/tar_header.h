#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::cachestore {

/// One 512-byte header block. Spec: POSIX.1-2017 pax "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
struct TarHeader {
  static constexpr std::size_t kSize = 512;

  std::string name;  ///< Prefix joined.
  std::string link;
  char type = '0';
  std::uint32_t mode = 0;
  std::int64_t uid = 0;
  std::int64_t gid = 0;
  std::uint64_t size = 0;
  std::int64_t mtime = 0;
};

/// `block` has 512 bytes. Errors are causes only ("wrong header checksum"): the reader knows the place.
Result<TarHeader> parse_tar_header(std::string_view block);
bool is_zero_block(std::string_view block);

/// Octal digits padded by blanks or NULs, or GNU's big-endian base-256 (first bit set). kInvalid when it is neither
/// or does not fit.
Result<std::int64_t> parse_tar_number(std::string_view field);

}  // namespace slipway::cachestore
