#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/digest.h"
#include "base/fd.h"
#include "base/result.h"
#include "pipeline/dockerfile.h"

namespace slipway::runner {

/// Which files an instruction takes, after expansion.
struct Selection {
  std::vector<std::string> sources;  ///< Patterns, from the tree's root; `..` is clipped there.
  std::vector<std::string> excludes;
  bool parents = false;  ///< --parents
};

class FileTree;  ///< Of this room: how the tree is read (runner/build/file_tree.h).

/// Files that an instruction reads: the build context, a stage's or an image's result, what a URL or git gave.
/// It does not change while it lives. Links are followed within its root only. Thread-safe.
class InputTree {
 public:
  virtual ~InputTree() = default;
  /// What COPY of this selection would copy, as a digest: paths, types, modes, owners, bytes, link targets, xattrs that
  /// are kept; not times. A source without a wildcard that is not there is kNotFound naming it (and a near name).
  virtual Result<Digest> digest(const Selection& selection, const CancelToken& cancel) = 0;
  /// Absolute directories whose overlay (bottom first) is the tree; for bind mounts and for copying. What the ignore
  /// file leaves out is still there: see ignores().
  virtual std::vector<std::string> lowers() const = 0;
  virtual bool ignores(std::string_view path) const = 0;
  virtual std::string name() const = 0;  ///< For messages: "context", "stage build", "image x".
  /// A tree as directories that hold only what is not ignored, for a RUN's bind mount.
  virtual Result<std::vector<std::string>> mountable(const CancelToken& cancel) = 0;
  virtual const FileTree& files() const = 0;
};

/// A directory of the machine; its files belong to root, as a context's do. Files are hashed when asked for; digests
/// are remembered below `state_dir` (empty: not at all) by (device, inode, size, ctime, mtime), which a change of
/// content always changes.
Result<std::unique_ptr<InputTree>> open_directory_tree(const std::string& path, std::string name,
                                                       pipeline::IgnorePatterns ignore,
                                                       const std::string& state_dir = {});
/// Snapshots, bottom first: an image or a stage. Owners and all attributes that layers keep are the files' own.
Result<std::unique_ptr<InputTree>> open_stack_tree(std::vector<std::string> lowers,
                                                   std::string name,
                                                   const std::string& state_dir = {});

}  // namespace slipway::runner
