// Reading extended attributes: which are a layer's, which are overlayfs's notes to itself. Writing: file_meta.cc.
#include "cachestore/layer/xattrs.h"

#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>

namespace slipway::cachestore {
namespace {

// Linux: XATTR_LIST_MAX and XATTR_SIZE_MAX, limits.h.
constexpr std::size_t kMaxXattrs = 65'536;

// Links and fifos cannot be opened for reading; through /proc their attributes are still named by descriptor.
std::string by_descriptor(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

Result<std::string> read_xattr(const std::string& path, const std::string& name) {
  std::string value(kMaxXattrs, '\0');
  const ssize_t n = ::getxattr(path.c_str(), name.c_str(), value.data(), value.size());
  if (n < 0) return fail_errno("read xattr " + name);
  value.resize(static_cast<std::size_t>(n));
  return value;
}

// A capability set inside a user namespace names that namespace's root; another machine must read it as its own.
// Linux 4.14: vfs_ns_cap_data (revision 3) is vfs_cap_data (revision 2) and a root id.
std::string without_root_id(std::string capability) {
  constexpr std::size_t kRevision2 = 20;
  constexpr std::size_t kRevision3 = 24;
  if (capability.size() != kRevision3 || capability[3] != '\x03') return capability;
  capability[3] = '\x02';
  capability.resize(kRevision2);
  return capability;
}

}  // namespace

XattrReader::XattrReader()
    : overlay_(overlay_xattrs_here() == OverlayXattrs::kTrusted ? "trusted.overlay."
                                                                : "user.overlay."),
      names_(kMaxXattrs, '\0') {}

Result<Xattrs> XattrReader::read(int fd) {
  const std::string path = by_descriptor(fd);
  Xattrs found;
  const ssize_t size = ::listxattr(path.c_str(), names_.data(), names_.size());
  if (size < 0 && (errno == EOPNOTSUPP || errno == EPERM)) return found;
  if (size < 0) return fail_errno("list xattrs");
  std::string_view rest(names_.data(), static_cast<std::size_t>(size));
  while (!rest.empty()) {
    const std::string name(rest.substr(0, rest.find('\0')));
    rest.remove_prefix(name.size() + 1);
    if (name.starts_with(overlay_)) {
      const std::string_view note = std::string_view(name).substr(overlay_.size());
      if (note == "opaque") found.opaque = SLIP_TRY(read_xattr(path, name)) == "y";
      if (note == "redirect" || note == "metacopy") found.foreign = true;
    } else if (keeps_xattr(name)) {
      std::string value = SLIP_TRY(read_xattr(path, name));
      if (name == "security.capability") value = without_root_id(std::move(value));
      found.kept.emplace_back(name, std::move(value));
    }
  }
  std::sort(found.kept.begin(), found.kept.end());
  return found;
}

}  // namespace slipway::cachestore
