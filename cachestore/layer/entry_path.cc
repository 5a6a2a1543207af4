// Names and link targets out of archives: what is refused before any system call sees it.
#include "cachestore/layer/entry_path.h"

#include <algorithm>

#include "base/text.h"

namespace slipway::cachestore {
namespace {

constexpr std::size_t kMaxPart = 255;    // NAME_MAX
constexpr std::size_t kMaxPath = 4'095;  // PATH_MAX without its NUL

Error bad_name(std::string cause) { return Error(ErrorCode::kInvalid, std::move(cause)); }

}  // namespace

Result<std::string> clean_entry_name(std::string_view raw, UnpackPolicy policy,
                                     const LayerLimits& limits) {
  if (raw.empty()) return fail(bad_name("the name is empty"));
  if (raw.front() == '/' && policy == UnpackPolicy::kArtifact) {
    return fail(bad_name("the name is absolute"));
  }
  std::string path;
  std::size_t depth = 0;
  for (const std::string_view part : split(raw, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") return fail(bad_name("the name contains \"..\""));
    if (part.size() > kMaxPart)
      return fail(bad_name("a part of the name is longer than 255 bytes"));
    if (++depth > limits.max_depth) {
      return fail(bad_name("deeper than " + std::to_string(limits.max_depth) + " directories"));
    }
    if (!path.empty()) path += '/';
    path += part;
  }
  if (path.size() > kMaxPath) return fail(bad_name("the name is longer than 4095 bytes"));
  return path;
}

Status check_artifact_link(std::string_view target, std::size_t dir_depth) {
  if (target.starts_with('/')) return fail(bad_name("the link leads to an absolute path"));
  bool descended = false;
  std::size_t climbed = 0;
  for (const std::string_view part : split(target, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      descended = true;
    } else if (descended || ++climbed > dir_depth) {
      return fail(bad_name("the link leads out of the target directory"));
    }
  }
  return {};
}

bool names_git_dir(std::string_view path) {
  const auto parts = split(path, '/');
  return std::any_of(parts.begin(), parts.end(), [](std::string_view part) {
    const std::string lower = to_lower(part);
    return lower == ".git" || lower == "git~1";  // the short name Windows gives to .git
  });
}

std::size_t path_depth(std::string_view path) {
  if (path.empty()) return 0;
  return 1 + static_cast<std::size_t>(std::count(path.begin(), path.end(), '/'));
}

}  // namespace slipway::cachestore
