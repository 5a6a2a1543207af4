#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"
#include "cachestore/store.h"
#include "runner/build/input_tree.h"

namespace slipway::runner {

/// The file operation of COPY and ADD, as BuildKit does it, into an upper above a stack; nothing is mounted.

/// A file that the Dockerfile itself holds (heredoc) or that was fetched (ADD of a URL).
struct CopyFile {
  std::string name;  ///< Below the destination when that is a directory.
  std::string content;
  std::string path;  ///< Instead of content: a file of the machine.
  unsigned mode = 0644;
  std::optional<WallTime> modified;
};

/// ADD: archives (by content: tar, also gzip, bzip2, xz, zstd) become their files. kAlways: what was fetched, too.
enum class Unpack { kNever, kIfArchive, kAlways };

struct CopyRequest {
  InputTree* from = nullptr;  ///< Borrowed; null when only `files` are copied.
  Selection selection;
  std::vector<CopyFile> files;
  std::string
      destination;  ///< After expansion; relative to `workdir`; a trailing slash means a directory.
  std::string workdir = "/";
  std::string
      chown;  ///< "", "user", "user:group", "1:2"; names from the target's /etc/passwd and group.
  std::string chmod;  ///< "", octal or symbolic.
  bool link =
      false;  ///< --link: the stack below is not looked at; the result does not depend on it.
  Unpack unpack = Unpack::kNever;
  bool inert_devices =
      false;  ///< Device nodes become empty files: what leaves the store must be harmless.
  std::optional<WallTime> clamp;  ///< Times later than this become this (SOURCE_DATE_EPOCH).
  std::string what;               ///< For messages: "COPY a b /dst/".
};
struct CopyStats {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
};
/// Writes into `upper` (an empty or begun overlay upper) above `lowers` (bottom first). Links of the target are
/// resolved in the target, never outside. kNotFound, kInvalid, kExists with the path and what to do.
Result<CopyStats> copy_files(const CopyRequest& request, const std::vector<std::string>& lowers,
                             const std::string& upper, const CancelToken& cancel);
/// The ids of a --chown as "uid:gid", from the stack's /etc/passwd and group: what a key of a --link step must hold.
Result<std::string> resolve_owner(const std::string& chown, const std::vector<std::string>& lowers);
/// WORKDIR: every missing directory of `path`, owned by `user` ("" or one that is not in the stack: root). Nothing is
/// written when it is there.
Status make_workdir(const std::string& path, const std::string& user,
                    const std::vector<std::string>& lowers, const std::string& upper,
                    const std::optional<WallTime>& clamp = std::nullopt);

}  // namespace slipway::runner
