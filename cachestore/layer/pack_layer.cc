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

#include <map>

#include "base/files.h"
#include "cachestore/archive.h"
#include "cachestore/layer/overlay_format.h"
#include "cachestore/layer/tar_stream.h"
#include "cachestore/layer/xattrs.h"

namespace slipway::cachestore {
namespace {

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr mode_t kTopMode = 0755;

class LayerPacker {
 public:
  explicit LayerPacker(ByteSink& out) : out_(out) {}

  Status top(int dir_fd) {
    struct stat info {};
    if (::fstat(dir_fd, &info) != 0) return fail_errno("stat the top");
    TarItem tar = item_of("", info);
    tar.xattrs = SLIP_TRY(reader_.read(dir_fd)).kept;
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
    const Fd opened = SLIP_TRY(open_at(item.dir_fd, item.name, O_PATH | O_NOFOLLOW));
    auto [kept, opaque, foreign] = SLIP_TRY(reader_.read(opened.get()));
    tar.xattrs = std::move(kept);
    if (foreign) {
      return fail(ErrorCode::kUnsupported,
                  "overlayfs keeps part of it in a lower layer (redirect_dir or metacopy)");
    }
    if (S_ISREG(mode)) return out_.file(item, tar);
    if (S_ISDIR(mode)) return add_directory(item, tar, opaque);
    return add_special(item, tar);
  }

  Status finish() { return out_.finish(); }

 private:
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

  Status add_directory(const TreeItem& item, TarItem& tar, bool opaque) {
    tar.type = '5';
    tar.name += '/';
    SLIP_TRY(out_.header(tar));
    if (!opaque) return {};
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

  TarStream out_;
  XattrReader reader_;
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
