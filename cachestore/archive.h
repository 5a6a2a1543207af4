#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/digest.h"
#include "base/result.h"
#include "cachestore/store.h"

namespace slipway::cachestore {

/// Tar in and out for layers, artifacts and `cp`. Every name is resolved beneath the target with openat2; see
/// docs of layer/apply.cc for what each hostile shape does.

enum class UnpackPolicy {
  /// Whiteouts, set-id bits, owners, xattrs kept (known name spaces only); devices become empty files.
  kLayer,
  /// Owners and set-id bits dropped, links may not leave the target, no devices, no fifos; `.git` is left out.
  kArtifact,
  /// What a person copies (`cp`): owners, set-id bits and attributes dropped, but links may point anywhere and nothing
  /// is left out; devices become empty files, a name that looks like a whiteout is a name.
  kCopy,
  kCopyOwners,  ///< The same with owners, set-id bits and attributes.
  kCopyModes,   ///< The same with set-id bits and attributes; all files are this process's.
};
struct UnpackStats {
  std::uint64_t entries = 0;
  std::uint64_t bytes = 0;
  std::uint64_t inert_devices = 0;    ///< Device nodes that became empty files.
  std::uint64_t squashed_owners = 0;  ///< Files whose owner an ordinary user could not set.
  std::uint64_t dropped_xattrs = 0;
  std::uint64_t skipped = 0;  ///< Artifacts: `.git`; copy_tree: also sockets, fifos and devices.
  std::vector<std::string> implied;  ///< kCopyOwners: directories that no entry described.
};
/// Unpacks a tar stream (gzip, zstd, xz, bzip2 or plain, by content) from `fd` below directory `target_fd`.
Result<UnpackStats> unpack(int fd, const std::string& source, int target_fd, UnpackPolicy policy,
                           const LayerLimits& limits, const CancelToken& cancel);

/// Whether a regular file begins as a tar does, compressed or not. Its offset stays as it is.
bool is_archive(int fd);

/// Writes `paths` (relative to dir_fd; a directory is taken with all below it) as a reproducible pax tar: sorted names,
/// no user names. Sockets are left out; a file that changes while read is kUnavailable naming it.
Status pack(int dir_fd, const std::vector<std::string>& paths, int out_fd,
            const CancelToken& cancel);

/// One file or directory `name` of `dir_fd` with all below it, called `as` in the archive ("." as "": only what is in
/// the directory), as it is: owners, hard links, fifos. Sockets are left out.
Status pack_copy(int dir_fd, const std::string& name, const std::string& as, int out_fd,
                 const CancelToken& cancel);

/// Writes what an overlay upper directory or a snapshot's `fs` holds as the tar of a layer: sorted, pax, owners and
/// kept attributes, hard links, whiteouts and opaque directories in OCI's form. The same tree gives the same bytes
/// everywhere. The directory must not change meanwhile (kUnavailable names what did). What a stranger's archive was
/// unpacked to does not pack back to the same bytes: of pulled and imported layers the blob is kept.
Status pack_layer(int dir_fd, int out_fd, const CancelToken& cancel);
/// The digest of what pack_layer() writes: the diff ID of a layer made here, and the key of its kLayer snapshot.
Result<Digest> layer_diff_id(int dir_fd, const CancelToken& cancel);

/// Copies trees between directories without an archive (reflink or copy_file_range where possible), the policy's
/// rules applied; those that keep owners keep hard links, too. `paths` are relative regular files, links or
/// directories below `from_fd`.
Result<UnpackStats> copy_tree(int from_fd, const std::vector<std::string>& paths, int to_fd,
                              UnpackPolicy policy, const LayerLimits& limits,
                              const CancelToken& cancel);

}  // namespace slipway::cachestore
