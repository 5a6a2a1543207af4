// Trees -> tar, reproducibly: sorted names, no owners, whole seconds.
#include "cachestore/archive.h"
#include "cachestore/layer/pack_layer.h"
#include "cachestore/layer/tar_stream.h"

namespace slipway::cachestore {
namespace {

Status add(TarStream& out, const TreeItem& item) {
  TarItem tar;
  tar.name = item.path;
  tar.mode = item.info.st_mode & 07777U;
  tar.mtime = {item.info.st_mtim.tv_sec, 0};
  if (S_ISDIR(item.info.st_mode)) {
    tar.type = '5';
    tar.name += '/';
    return out.header(tar);
  }
  if (S_ISLNK(item.info.st_mode)) return out.link(item, tar);
  if (S_ISREG(item.info.st_mode)) return out.file(item, tar);
  if (S_ISSOCK(item.info.st_mode)) return {};
  return fail(ErrorCode::kInvalid, "a fifo or device cannot be packed");
}

}  // namespace

Status pack_to(int dir_fd, const std::vector<std::string>& paths, ByteSink& out,
               const CancelToken& cancel) {
  TarStream stream(out);
  SLIP_TRY(walk_tree(dir_fd, paths, LayerLimits(), cancel,
                     [&](const TreeItem& item) { return add(stream, item); }));
  return stream.finish();
}

Status pack(int dir_fd, const std::vector<std::string>& paths, int out_fd,
            const CancelToken& cancel) {
  FdSink out(out_fd, "archive");
  return pack_to(dir_fd, paths, out, cancel);
}

}  // namespace slipway::cachestore
