#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::cachestore {

/// What pack() writes about one file. Owners and names of users are left out on purpose: the same tree gives the same
/// archive.
struct TarItem {
  char type = '0';
  std::string name;  ///< Directories end in '/'.
  std::string link;
  std::uint32_t mode = 0;
  std::uint64_t size = 0;
  timespec mtime{};
};

/// Headers of a pax archive, with extension headers only where ustar fields do not suffice.
std::string tar_header(const TarItem& item);
/// Zeros that fill the last block of a content of `size` bytes.
std::string_view tar_padding(std::uint64_t size);
/// The end of an archive.
std::string tar_trailer();

}  // namespace slipway::cachestore
