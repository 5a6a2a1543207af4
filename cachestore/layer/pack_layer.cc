// An overlay upper directory -> the tar of a layer. The same tree gives the same bytes on every machine, which is what
// makes a diff ID meaningful: sorted names, whole seconds, owners as numbers, only attributes that the applier keeps.
//   whiteout (device 0:0)        .wh.NAME
//   opaque directory             the directory, then DIR/.wh..wh..opq
//   further names of one file    hard links to the first in order
//   socket                       left out: nobody could listen on it again
//   the top                      left out while it is as every draft's (0755, root, no attributes)
//   redirects, metadata copies   refused: such an upper says only together with its lower layers what it holds
// Spec: OCI image-spec, layer.md.
#include "cachestore/layer/pack_layer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <algorithm>
#include <map>

#include "base/files.h"
#include "cachestore/archive.h"
#include "cachestore/layer/overlay_format.h"
#include "cachestore/layer/tar_stream.h"

namespace slipway::cachestore {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr mode_t kTopMode = 0755;
// Linux: XATTR_LIST_MAX and XATTR_SIZE_MAX, limits.h.
constexpr std::size_t kMaxXattrs = 65'536;

using Xattrs = std::vector<std::pair<std::string, std::string>>;

// What overlayfs wrote about a file of the upper layer.
struct OverlayNotes {
  bool opaque = false;
  bool foreign = false;  ///< A redirect or a metadata-only copy.
};

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

class LayerPacker {
 public:
  explicit LayerPacker(ByteSink& out) : out_(out), overlay_(overlay_prefix()) {}

  Status top(int dir_fd) {
    struct stat info {};
    if (::fstat(dir_fd, &info) != 0) return fail_errno("stat the top");
    TarItem tar = item_of("", info);
    OverlayNotes notes;
    SLIP_TRY(read_xattrs(by_descriptor(dir_fd), tar.xattrs, notes));
    if (tar.mode == kTopMode && tar.uid == 0 && tar.gid == 0 && tar.xattrs.empty()) return {};
    tar.type = '5';
    tar.name = "./";
    return out_.header(tar);
  }

  Status add(const TreeItem& item) {
    TarItem tar = item_of(item.path, item.info);
    const mode_t mode = item.info.st_mode;
    if (is_whiteout(mode, item.info.st_rdev)) return add_whiteout(item);
    if (S_ISSOCK(mode)) return {};
    if (item.name.starts_with(kWhiteout)) {
      return fail(ErrorCode::kInvalid,
                  "a name that begins with .wh. means a removal in a layer; rename the file");
    }
    if (!S_ISDIR(mode) && item.info.st_nlink > 1) {
      const auto [first, fresh] =
          links_.try_emplace({item.info.st_dev, item.info.st_ino}, item.path);
      if (!fresh) {
        tar.type = '1';
        tar.link = first->second;
        return out_.header(tar);
      }
    }
    if (S_ISLNK(mode)) return out_.link(item, tar);
    OverlayNotes notes;
    SLIP_TRY(read_xattrs_at(item, tar.xattrs, notes));
    if (notes.foreign) {
      return fail(ErrorCode::kUnsupported,
                  "overlayfs keeps part of it in a lower layer (redirect_dir or metacopy)");
    }
    if (S_ISREG(mode)) return out_.file(item, tar);
    if (S_ISDIR(mode)) return add_directory(item, tar, notes);
    return add_special(item, tar);
  }

  Status finish() { return out_.finish(); }

 private:
  static std::string_view overlay_prefix() {
    return overlay_xattrs_here() == OverlayXattrs::kTrusted ? "trusted.overlay." : "user.overlay.";
  }

  static TarItem item_of(const std::string& path, const struct stat& info) {
    TarItem tar;
    tar.name = path;
    tar.mode = info.st_mode & 07777U;
    tar.uid = info.st_uid;
    tar.gid = info.st_gid;
    tar.mtime = {info.st_mtim.tv_sec, 0};
    return tar;
  }

  Status add_whiteout(const TreeItem& item) {
    TarItem tar;
    tar.name = item.path.substr(0, item.path.size() - item.name.size());
    tar.name += kWhiteout;
    tar.name += item.name;
    return out_.header(tar);
  }

  Status add_directory(const TreeItem& item, TarItem& tar, const OverlayNotes& notes) {
    tar.type = '5';
    tar.name += '/';
    SLIP_TRY(out_.header(tar));
    if (!notes.opaque) return {};
    TarItem mark;
    mark.name = item.path + "/" + std::string(kOpaque);
    return out_.header(mark);
  }

  Status add_special(const TreeItem& item, TarItem& tar) {
    tar.type = S_ISFIFO(item.info.st_mode) ? '6' : S_ISCHR(item.info.st_mode) ? '3' : '4';
    if (tar.type != '6') {
      tar.device_major = ::major(item.info.st_rdev);
      tar.device_minor = ::minor(item.info.st_rdev);
    }
    return out_.header(tar);
  }

  Status read_xattrs_at(const TreeItem& item, Xattrs& kept, OverlayNotes& notes) {
    const Fd fd = SLIP_TRY(open_at(item.dir_fd, item.name, O_PATH | O_NOFOLLOW));
    return read_xattrs(by_descriptor(fd.get()), kept, notes);
  }

  Status read_xattrs(const std::string& path, Xattrs& kept, OverlayNotes& notes) {
    names_.resize(kMaxXattrs);
    const ssize_t size = ::listxattr(path.c_str(), names_.data(), names_.size());
    if (size < 0 && (errno == EOPNOTSUPP || errno == EPERM)) return {};
    if (size < 0) return fail_errno("list xattrs");
    std::string_view rest(names_.data(), static_cast<std::size_t>(size));
    while (!rest.empty()) {
      const std::string name(rest.substr(0, rest.find('\0')));
      rest.remove_prefix(name.size() + 1);
      if (name.starts_with(overlay_)) {
        const std::string_view note = std::string_view(name).substr(overlay_.size());
        if (note == "opaque") notes.opaque = SLIP_TRY(read_xattr(path, name)) == "y";
        if (note == "redirect" || note == "metacopy") notes.foreign = true;
      } else if (keeps_xattr(name)) {
        std::string value = SLIP_TRY(read_xattr(path, name));
        if (name == "security.capability") value = without_root_id(std::move(value));
        kept.emplace_back(name, std::move(value));
      }
    }
    std::sort(kept.begin(), kept.end());
    return {};
  }

  TarStream out_;
  std::string_view overlay_;
  std::string names_;
  std::map<std::pair<dev_t, ino_t>, std::string>
      links_;  ///< First name of files that have several.
};

}  // namespace

Status pack_layer_to(int dir_fd, ByteSink& out, const CancelToken& cancel) {
  LayerPacker packer(out);
  SLIP_TRY_WITHIN("pack layer", packer.top(dir_fd));
  SLIP_TRY_WITHIN("pack layer", walk_tree(dir_fd, {"."}, LayerLimits(), cancel,
                                          [&](const TreeItem& item) { return packer.add(item); }));
  return packer.finish();
}

Status pack_layer(int dir_fd, int out_fd, const CancelToken& cancel) {
  FdSink out(out_fd, "layer");
  return pack_layer_to(dir_fd, out, cancel);
}

Result<Digest> layer_diff_id(int dir_fd, const CancelToken& cancel) {
  HashSink out;
  SLIP_TRY(pack_layer_to(dir_fd, out, cancel));
  return out.digest();
}

}  // namespace slipway::cachestore
