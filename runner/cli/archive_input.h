#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "runner/cli/import_progress.h"
#include "runner/cli/invocation.h"

namespace slipway::runner {

/// An archive that a command reads: a file, or standard input for "-" and "".
struct ArchiveInput {
  std::string name;  ///< For people.
  Fd file;           ///< Not of standard input.
  int fd = -1;
};
/// Refuses a terminal; `hint` says what to do instead.
Result<ArchiveInput> open_archive(const std::string& path, std::string_view hint);

/// What redraws `line` while `source` is read; nothing when no progress is wanted.
std::function<void(const cachestore::ImportProgress&)> progress_on(
    std::optional<ImportProgressLine>& line, const std::string& source,
    const Invocation& invocation);

}  // namespace slipway::runner
