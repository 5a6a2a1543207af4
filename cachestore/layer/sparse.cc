// Maps of sparse files in tar archives. Spec: GNU tar manual, "Storing Sparse Files".
#include "cachestore/layer/sparse.h"

#include "base/text.h"
#include "cachestore/layer/tar_header.h"

namespace slipway::cachestore {
namespace {

constexpr std::size_t kNumber = 12;

Error bad_map(const char* cause) {
  return Error(ErrorCode::kInvalid, std::string("bad sparse map: ") + cause);
}

}  // namespace

Status check_sparse(const SparseMap& map, std::uint64_t stored) {
  std::uint64_t end = 0;
  std::uint64_t sum = 0;
  for (const Extent& extent : map.extents) {
    if (extent.offset < end) return fail(bad_map("runs overlap or are out of order"));
    if (extent.offset > map.real_size || extent.size > map.real_size - extent.offset) {
      return fail(bad_map("a run lies beyond the file's end"));
    }
    end = extent.offset + extent.size;
    sum += extent.size;
  }
  if (sum != stored) return fail(bad_map("its runs do not add up to the stored size"));
  return {};
}

Status parse_old_sparse(std::string_view pairs, std::vector<Extent>& extents) {
  for (; pairs.size() >= 2 * kNumber; pairs.remove_prefix(2 * kNumber)) {
    if (pairs[0] == '\0' && pairs[kNumber] == '\0') return {};
    const std::int64_t offset = SLIP_TRY(parse_tar_number(pairs.substr(0, kNumber)));
    const std::int64_t size = SLIP_TRY(parse_tar_number(pairs.substr(kNumber, kNumber)));
    if (offset < 0 || size < 0) return fail(bad_map("negative number"));
    if (extents.size() == kMaxExtents) return fail(bad_map("too many runs"));
    extents.push_back({static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(size)});
  }
  return {};
}

Result<std::vector<Extent>> parse_sparse_list(std::string_view text) {
  std::vector<Extent> extents;
  if (text.empty()) return extents;
  const auto numbers = split(text, ',');
  if (numbers.size() % 2 != 0) return fail(bad_map("odd number of fields"));
  if (numbers.size() / 2 > kMaxExtents) return fail(bad_map("too many runs"));
  for (std::size_t i = 0; i < numbers.size(); i += 2) {
    const auto offset = parse_int(numbers[i]);
    const auto size = parse_int(numbers[i + 1]);
    if (!offset || !size || *offset < 0 || *size < 0) return fail(bad_map("not a number"));
    extents.push_back({static_cast<std::uint64_t>(*offset), static_cast<std::uint64_t>(*size)});
  }
  return extents;
}

}  // namespace slipway::cachestore
