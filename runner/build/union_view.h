#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace slipway::runner {

/// A stack of directories as overlayfs shows it, without a mount: removals and opaque directories hide what lies below.
/// Every name is opened beneath its layer by openat2(2), never through a link; links are resolved here, within the
/// stack. Thread-safe.

using LayerIndex = std::uint16_t;

/// One visible file.
struct UnionEntry {
  std::string name;
  struct stat info {};
  LayerIndex layer = 0;            ///< The topmost that holds it: its type, mode and content.
  std::vector<LayerIndex> layers;  ///< Directories: all that may take part, top first.

  bool is_directory() const { return S_ISDIR(info.st_mode); }
  bool is_link() const { return S_ISLNK(info.st_mode); }
};

/// An open directory of the stack.
struct UnionDir {
  struct Part {
    LayerIndex layer;
    Fd fd;
  };
  std::string path;         ///< "" is the root, else "a/b".
  std::vector<Part> parts;  ///< Top first.

  const Part* part(LayerIndex layer) const;
};

class UnionView {
 public:
  /// `directories` bottom first. None: an empty root.
  static Result<UnionView> open(const std::vector<std::string>& directories);

  UnionEntry root() const;
  Result<UnionDir> open_dir(const std::string& path, const std::vector<LayerIndex>& layers) const;
  /// A name in a directory, not followed; nothing when it is not there.
  Result<std::optional<UnionEntry>> child(const UnionDir& dir, const std::string& name) const;
  /// Everything in a directory, sorted by name.
  Result<std::vector<UnionEntry>> list(const UnionDir& dir) const;

  enum class Last { kFollow, kKeep };  ///< A link at the path's end.
  struct Place {
    std::string path;                 ///< Without links, "", ".."; where it is or would be.
    std::optional<UnionEntry> entry;  ///< Nothing: it is not there.
  };
  /// Follows links as a process in the stack would. kInvalid: too many links; kNotFound: a file on the way.
  Result<Place> resolve(const std::string& path, Last last) const;
  /// A regular file's descriptor for reading.
  Result<Fd> open_file(const UnionDir& dir, const UnionEntry& entry) const;
  Result<std::string> read_link(const UnionDir& dir, const UnionEntry& entry) const;
  std::size_t layers() const { return roots_.size(); }

 private:
  std::vector<Fd> roots_;  ///< Bottom first.
  std::vector<std::string> names_;
};

/// "a" and "b" -> "a/b"; an empty part adds nothing.
std::string join_path(const std::string& parent, const std::string& name);
/// Parts of a path with "." and empty ones gone; ".." stays.
std::vector<std::string> path_parts(std::string_view path);
/// The same joined, with ".." taken back and clipped at the root.
std::string clean_path(std::string_view path);

}  // namespace slipway::runner
