#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "runner/source/file_list.h"

namespace slipway::runner {

struct CopyResult {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  bool changed = false;  ///< Something was not as listed any more; what was there was copied.
};
/// Copies the listed files from below `from_fd` to below `to_fd` (empty, ours): reflink where the file systems can,
/// else in the kernel. Blocks on no fifo, follows no link. Unreadable files are kPermission naming the path; vanished
/// ones are left out.
Result<CopyResult> copy_files(int from_fd, const std::vector<FileEntry>& entries, int to_fd,
                              const CancelToken& cancel);

}  // namespace slipway::runner
