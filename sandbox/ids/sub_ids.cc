// The subordinate id files.
#include "sandbox/ids/sub_ids.h"

#include <algorithm>

#include "base/files.h"
#include "base/text.h"

namespace slipway::sandbox {
namespace {

constexpr std::uint32_t kLastId = 0xfffffffe;  // (uid_t)-1 means "no change" everywhere.

}  // namespace

Result<IdRanges> read_sub_ids(const std::string& path, const std::string& user, uid_t uid,
                              std::uint32_t inside) {
  IdRanges ranges;
  if (!path_exists(path)) return ranges;
  const std::string text = SLIP_TRY(read_file(path, 1_MiB));
  for (const std::string_view line : split(text, '\n')) {
    const auto fields = split(line, ':');
    if (fields.size() != 3) continue;
    if (fields[0] != user && fields[0] != std::to_string(uid)) continue;
    const auto first = parse_int(trim(fields[1]));
    const auto count = parse_int(trim(fields[2]));
    if (!first || !count || *first <= 0 || *count <= 0 || *first > kLastId ||
        *count > kLastId - *first)
      continue;
    const auto size =
        static_cast<std::uint32_t>(std::min<long long>(*count, kIdsPerContainer - inside));
    if (size == 0) break;
    ranges.push_back({inside, static_cast<std::uint32_t>(*first), size});
    inside += size;
  }
  return ranges;
}

}  // namespace slipway::sandbox
