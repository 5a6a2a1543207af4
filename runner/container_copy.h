#pragma once

#include <cstdint>
#include <string>

#include "base/cancel.h"
#include "base/result.h"

namespace slipway::runner {

/// `cp` by docker's rules. Paths in a container are resolved by openat2 with its root as the root, and what is found is
/// walked by descriptor, so a container that swaps its files meanwhile harms only itself (R18).

struct CopyPlace {
  int root = -1;     ///< The container's root directory, borrowed; -1: this machine.
  std::string path;  ///< In a container relative means to its root.
};
enum class CopyOwners { kDestination, kSource };
enum class CopyLinks { kKeep, kFollow };

/// Docker CLI reference, "docker cp": a directory that exists gets the source put into it (only its content for
/// "SRC/."); what does not exist becomes the source; its parent must exist; a trailing slash wants a directory.
/// Returns the bytes that went over.
Result<std::uint64_t> copy_files(const CopyPlace& from, const CopyPlace& to, CopyLinks links,
                                 CopyOwners owners, const CancelToken& cancel);
/// A file or directory as a tar stream whose entries begin with its own name.
Status copy_to_stream(const CopyPlace& from, CopyLinks links, int out_fd,
                      const CancelToken& cancel);
/// A tar stream (gzip and zstd, too) into the directory `to`, which must exist.
Result<std::uint64_t> copy_from_stream(int in_fd, const CopyPlace& to, CopyOwners owners,
                                       const CancelToken& cancel);

}  // namespace slipway::runner
