// Which relative paths may be made below a workspace.
#include "runner/source/tree_path.h"

#include <array>

#include "base/text.h"

namespace slipway::runner {
namespace {

/// Length of an HFS+ ignorable code point at the front of `text`, or 0. Spec: Apple TN1150, and git's utf8.c.
std::size_t ignorable_length(std::string_view text) {
  if (text.size() < 3) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned point = (byte(0) & 0x0Fu) << 12 | (byte(1) & 0x3Fu) << 6 | (byte(2) & 0x3Fu);
  if ((byte(0) & 0xF0) != 0xE0) return 0;
  const bool ignorable = (point >= 0x200C && point <= 0x200F) ||
                         (point >= 0x202A && point <= 0x202E) ||
                         (point >= 0x206A && point <= 0x206F) || point == 0xFEFF;
  return ignorable ? 3 : 0;
}

std::string without_ignorables(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const std::size_t skipped = ignorable_length(name);
    if (skipped == 0) out += name.front();
    name.remove_prefix(skipped == 0 ? 1 : skipped);
  }
  return out;
}

Status refuse(std::string_view path, std::string_view why) {
  return fail(ErrorCode::kInvalid, "read tree: refused path \"" + printable(path.substr(0, 200)) +
                                       "\": " + std::string(why));
}

}  // namespace

bool is_git_alias(std::string_view name) {
  const std::string lower = to_lower(without_ignorables(name));
  for (const std::string_view alias : {".git", "git~1"}) {
    if (!lower.starts_with(alias)) continue;
    std::string_view rest = std::string_view(lower).substr(alias.size());
    // NTFS drops trailing dots and spaces; a colon begins a stream name, a backslash ends the component.
    rest.remove_prefix(std::min(rest.find_first_not_of(" ."), rest.size()));
    if (rest.empty() || rest.front() == ':' || rest.front() == '\\') return true;
  }
  return false;
}

Status check_tree_path(std::string_view path, PathOrigin origin) {
  if (path.size() > kMaxTreePath) return refuse(path, "longer than 4,095 bytes");
  if (path.find('\0') != std::string_view::npos) return refuse(path, "it contains a NUL byte");
  std::size_t depth = 0;
  for (const std::string_view name : split(path, '/')) {
    if (name.empty() || name == "." || name == "..")
      return refuse(path, "not a plain relative path");
    if (name.size() > 255) return refuse(path, "a name is longer than 255 bytes");
    if (name == ".git" || (origin == PathOrigin::kCommit && is_git_alias(name))) {
      return refuse(path, "it stands for a .git directory");
    }
    if (++depth > kMaxTreeDepth) return refuse(path, "too deep");
  }
  return {};
}

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
}

std::string_view name_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

}  // namespace slipway::runner
