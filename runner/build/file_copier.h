#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "runner/build/copy.h"
#include "runner/build/crew.h"
#include "runner/build/file_meta.h"
#include "runner/build/file_tree.h"
#include "runner/build/target_tree.h"

namespace slipway::runner {

/// Copies what was picked from one tree to places of a target. Directories are made in the calling thread, files by a
/// crew; finish() waits for them. Names of one call must not meet those of another before finish().
class FileCopier {
 public:
  struct Rules {
    std::optional<Owner> owner;  ///< --chown
    ModeChange mode;
    std::optional<WallTime> clamp;
    bool inert_devices = false;
  };
  FileCopier(const FileTree& from, TargetTree& to, const Rules& rules, const CancelToken& cancel);

  /// The content of a directory into an existing one.
  Status copy_directory(const FileTree::Picked& top, const FileTree::Filter& filter,
                        const TargetTree::DirPtr& to);
  /// One file, link, fifo or device.
  Status copy_file(const FileTree::Picked& file, const TargetTree::DirPtr& to,
                   const std::string& name);
  Status finish();
  CopyStats stats() const { return {files_, bytes_}; }

 private:
  class Mirror;
  struct Work {
    std::shared_ptr<const UnionDir> from;
    TargetTree::DirPtr to;
    UnionEntry entry;
    std::string name;
  };

  FileMeta meta_of(const struct stat& info) const;
  Status check(const UnionEntry& entry, const std::string& path) const;
  Status add(Work work);
  void flush();
  Status copy_one(const Work& work, std::string& buffer);
  Status copy_regular(const Work& work, std::string& buffer);
  Status copy_link(const Work& work);
  Status copy_special(const Work& work);
  Status make_hard_links();

  const FileTree& from_;
  TargetTree& to_;
  const Rules& rules_;
  const CancelToken& cancel_;
  std::atomic<std::uint64_t> files_ = 0;
  std::atomic<std::uint64_t> bytes_ = 0;
  std::vector<Work> batch_;
  std::size_t batch_fds_ = 0;
  /// First place of files with several names, and the further ones, made when all content is there.
  std::map<std::pair<dev_t, ino_t>, std::pair<std::string, std::string>> first_names_;
  std::vector<std::pair<std::pair<dev_t, ino_t>, std::pair<std::string, std::string>>> links_;
  Crew crew_;
};

}  // namespace slipway::runner
