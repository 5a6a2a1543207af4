// How layers say "removed" to overlayfs, and which extended attributes pass from archives.
#include "cachestore/layer/overlay_format.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>

#include "base/files.h"
#include "base/text.h"

namespace slipway::cachestore {
namespace {

struct XattrRule {
  std::string_view prefix;
  bool kept;
};
// First match decides; what matches nothing is dropped. trusted.* and security.* belong to the machine that unpacks.
constexpr std::array kRules = {
    XattrRule{"user.overlay.", false},           XattrRule{"user.", true},
    XattrRule{"security.capability", true},      XattrRule{"system.posix_acl_access", true},
    XattrRule{"system.posix_acl_default", true},
};

// "0 0 4294967295" is the initial namespace; any other map is one in which trusted.* is refused.
bool in_initial_user_namespace() {
  const auto map = read_file("/proc/self/uid_map", 64_KiB);
  if (!map) return true;
  std::string_view rest = trim(*map);
  for (const std::string_view expected : {"0", "0", "4294967295"}) {
    rest = trim(rest);
    if (!rest.starts_with(expected)) return false;
    rest.remove_prefix(expected.size());
  }
  return rest.empty();
}

}  // namespace

OverlayXattrs overlay_xattrs_here() {
  static const bool trusted = ::geteuid() == 0 && in_initial_user_namespace();
  return trusted ? OverlayXattrs::kTrusted : OverlayXattrs::kUser;
}

Status make_opaque(int dir_fd, OverlayXattrs xattrs) {
  const char* name =
      xattrs == OverlayXattrs::kTrusted ? "trusted.overlay.opaque" : "user.overlay.opaque";
  if (::fsetxattr(dir_fd, name, "y", 1, 0) != 0) return fail_errno("mark directory opaque");
  return {};
}

Status make_whiteout(int dir_fd, const char* name) {
  if (::mknodat(dir_fd, name, S_IFCHR, ::makedev(0, 0)) != 0) return fail_errno("make whiteout");
  return {};
}

bool is_whiteout(mode_t mode, dev_t device) { return S_ISCHR(mode) && device == ::makedev(0, 0); }

bool keeps_xattr(std::string_view name) {
  for (const XattrRule& rule : kRules) {
    if (name.starts_with(rule.prefix)) return rule.kept;
  }
  return false;
}

}  // namespace slipway::cachestore
