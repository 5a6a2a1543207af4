// Part of a tree -> tar, as it is and under another name: what `cp` sends. Layers have pack_layer.cc.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <map>

#include "cachestore/archive.h"
#include "cachestore/layer/pack_layer.h"
#include "cachestore/layer/tar_stream.h"

namespace slipway::cachestore {
namespace {

class CopyPacker {
 public:
  CopyPacker(ByteSink& out, std::string name, std::string as)
      : out_(out), name_(std::move(name)), as_(std::move(as)) {}

  Status add(const TreeItem& item) {
    const mode_t mode = item.info.st_mode;
    if (S_ISSOCK(mode)) return {};
    TarItem tar;
    tar.name = renamed(item.path);
    tar.mode = mode & 07777U;
    tar.uid = item.info.st_uid;
    tar.gid = item.info.st_gid;
    tar.mtime = item.info.st_mtim;
    if (S_ISDIR(mode)) {
      tar.type = '5';
      tar.name += '/';
      return out_.header(tar);
    }
    if (item.info.st_nlink > 1) {
      const auto [first, fresh] =
          links_.try_emplace({item.info.st_dev, item.info.st_ino}, tar.name);
      if (!fresh) {
        tar.type = '1';
        tar.link = first->second;
        return out_.header(tar);
      }
    }
    if (S_ISLNK(mode)) return out_.link(item, tar);
    if (S_ISREG(mode)) return out_.file(item, tar);
    tar.type = S_ISFIFO(mode) ? '6' : S_ISCHR(mode) ? '3' : '4';
    if (tar.type != '6') {
      tar.device_major = ::major(item.info.st_rdev);
      tar.device_minor = ::minor(item.info.st_rdev);
    }
    return out_.header(tar);
  }

  Status finish() { return out_.finish(); }

 private:
  std::string renamed(const std::string& path) const {
    return name_ == "." ? path : as_ + path.substr(name_.size());
  }

  TarStream out_;
  std::string name_;
  std::string as_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;  ///< First name of files with several.
};

}  // namespace

Status pack_copy(int dir_fd, const std::string& name, const std::string& as, int out_fd,
                 const CancelToken& cancel) {
  FdSink out(out_fd, "archive");
  CopyPacker packer(out, name, as);
  SLIP_TRY(walk_tree(dir_fd, {name}, LayerLimits(), cancel,
                     [&](const TreeItem& item) { return packer.add(item); }));
  return packer.finish();
}

}  // namespace slipway::cachestore
