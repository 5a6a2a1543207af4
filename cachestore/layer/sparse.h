#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::cachestore {

/// One run of data in a file with holes.
struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  bool operator==(const Extent&) const = default;
};

struct SparseMap {
  std::vector<Extent> extents;
  std::uint64_t real_size = 0;
};

/// A map with more runs than this is hostile or useless: at 4 KiB a run it would be a file of 4 GiB.
constexpr std::size_t kMaxExtents = 1'000'000;

/// Extents in order, not overlapping, within the real size, their sum equal to what the archive stores.
Status check_sparse(const SparseMap& map, std::uint64_t stored);

/// GNU's old format (type 'S'): pairs of 12-byte numbers, an empty one ends them. Appends.
Status parse_old_sparse(std::string_view pairs, std::vector<Extent>& extents);
/// Pax 0.1: "offset,size,offset,size,…" in decimal.
Result<std::vector<Extent>> parse_sparse_list(std::string_view text);

}  // namespace slipway::cachestore
