#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cachestore/layer/sparse.h"

namespace slipway::cachestore {

/// What one pax extended header overrides. Spec: POSIX.1-2017 pax, "pax Extended Header".
struct PaxRecords {
  std::optional<std::string> path;
  std::optional<std::string> link;
  std::optional<std::uint64_t> size;
  std::optional<std::int64_t> uid;
  std::optional<std::int64_t> gid;
  std::optional<timespec> mtime;
  std::vector<std::pair<std::string, std::string>> xattrs;  ///< SCHILY.xattr.NAME

  // GNU.sparse.*: 0.0 has pairs of records, 0.1 one list, 1.0 keeps the map before the data.
  std::optional<std::string> sparse_name;
  std::optional<std::uint64_t> sparse_real_size;
  std::vector<Extent> sparse_extents;
  bool sparse_listed = false;   ///< 0.0 or 0.1
  bool sparse_in_data = false;  ///< 1.0
  bool sparse() const { return sparse_listed || sparse_in_data; }
};

/// Errors are causes only. Unknown keys are ignored.
Result<PaxRecords> parse_pax(std::string_view records);

}  // namespace slipway::cachestore
