// Signals and paths as instructions write them.
#include "runner/build/config_values.h"

#include <vector>

#include "base/text.h"
#include "runner/option_values.h"

namespace slipway::runner {

Status check_stop_signal(const std::string& signal) {
  const Result<int> number = parse_signal(signal);
  if (number && *number > 0) return {};
  return fail(ErrorCode::kInvalid, "STOPSIGNAL " + printable(signal) + ": not a signal");
}

std::string path_from(const std::string& base, const std::string& path) {
  const std::string whole = path.starts_with('/') ? path : base + "/" + path;
  std::vector<std::string> parts;
  for (const std::string_view part : split(whole, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
      continue;
    }
    parts.emplace_back(part);
  }
  if (parts.empty()) return "/";
  return "/" + join(parts, "/") + (path.ends_with('/') ? "/" : "");
}

}  // namespace slipway::runner
