#pragma once

#include <cstdint>
#include <ctime>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace slipway::cachestore {

/// What is written about one file. Names of users are left out on purpose: the same tree gives the same archive.
struct TarItem {
  char type = '0';
  std::string name;  ///< Directories end in '/'.
  std::string link;
  std::uint32_t mode = 0;
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
  std::uint64_t size = 0;
  timespec mtime{};
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::vector<std::pair<std::string, std::string>> xattrs;  ///< In the order they are written.
};

/// Headers of a pax archive, with extension headers only where ustar fields do not suffice.
std::string tar_header(const TarItem& item);
/// Zeros that fill the last block of a content of `size` bytes.
std::string_view tar_padding(std::uint64_t size);
/// The end of an archive.
std::string tar_trailer();

}  // namespace slipway::cachestore
