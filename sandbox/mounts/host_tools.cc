// Trees of the host that make `image: host`.
#include "sandbox/mounts/host_tools.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sandbox/mounts/tree.h"

namespace slipway::sandbox {
namespace {

// Spec: hier(7), and the merged /usr of Debian 12, where all but the first two are links.
constexpr const char* kHostPaths[] = {"/usr", "/etc",   "/bin",   "/sbin",
                                      "/lib", "/lib32", "/lib64", "/libx32"};
constexpr std::uint64_t kHostAttributes = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;

}  // namespace

Result<std::vector<Prepared::HostTree>> host_tool_trees() {
  std::vector<Prepared::HostTree> trees;
  for (const char* path : kHostPaths) {
    struct stat found;
    if (::lstat(path, &found) != 0) {
      if (errno == ENOENT) continue;
      return fail_errno(std::string("look at ") + path);
    }
    Prepared::HostTree one;
    one.target = path;
    if (S_ISLNK(found.st_mode)) {
      char link[PATH_MAX];
      const ssize_t size = ::readlink(path, link, sizeof link);
      if (size <= 0) return fail_errno(std::string("read link ") + path);
      one.link.assign(link, static_cast<std::size_t>(size));
    } else {
      one.tree = SLIP_TRY(clone_tree(AT_FDCWD, path, Depth::kRecursive));
      SLIP_TRY(set_tree_attributes(one.tree.get(), kHostAttributes, Depth::kRecursive, path));
    }
    trees.push_back(std::move(one));
  }
  return trees;
}

}  // namespace slipway::sandbox
