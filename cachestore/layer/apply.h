#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cachestore/layer/file_meta.h"
#include "cachestore/layer/tar_reader.h"
#include "cachestore/layer/target.h"

namespace slipway::cachestore {

/// When the kernel begins to write large files to disk: by itself, seconds later, or at once, so that the disk works
/// beside the network and the decompression and a sync at the end has little left to wait for.
enum class WriteBack { kLater, kSoon };

/// Turns the entries of one archive into files.
class Applier {
 public:
  Applier(TarReader& reader, int target_fd, UnpackPolicy policy, OverlayXattrs xattrs,
          const LayerLimits& limits);

  /// Called after every entry and piece of content.
  std::function<void(const UnpackStats&)> on_progress;
  WriteBack write_back = WriteBack::kLater;

  /// Applies all entries, then the directories' times.
  Result<UnpackStats> run();

 private:
  using Handler = Status (Applier::*)(const TarEntry&, const std::string& path);
  struct DirTime {
    std::string path;
    timespec mtime;
  };

  Status apply(const TarEntry& entry);
  Status apply_whiteout(const std::string& path, std::string_view hidden);
  Status apply_top(const TarEntry& entry);
  Status make_file(const TarEntry& entry, const std::string& path);
  Status make_directory(const TarEntry& entry, const std::string& path);
  Status make_hard_link(const TarEntry& entry, const std::string& path);
  Status make_symlink(const TarEntry& entry, const std::string& path);
  Status make_fifo(const TarEntry& entry, const std::string& path);
  Status make_inert(const TarEntry& entry, const std::string& path);

  Result<std::string_view> read_piece();
  Status write_content(int fd, const TarEntry& entry);
  Status write_sparse(int fd, const SparseMap& map);
  Status remember_time(const std::string& path, timespec mtime);
  void set_directory_times();
  static Handler handler_of(EntryType type);

  TarReader& reader_;
  Target target_;
  UnpackPolicy policy_;
  LayerLimits limits_;
  UnpackStats stats_;
  MetaWriter meta_;
  std::vector<DirTime> times_;
  std::size_t times_bytes_ = 0;
  bool from_stream_ = false;  ///< The last error came from the reader.
};

}  // namespace slipway::cachestore
