// Archives from files and pipes, and the line that tells how far reading one has come.
#include "runner/cli/archive_input.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/files.h"
#include "runner/cli/image_session.h"

namespace slipway::runner {

Result<ArchiveInput> open_archive(const std::string& path, std::string_view hint) {
  ArchiveInput input;
  if (!path.empty() && path != "-") {
    input.name = path;
    input.file = SLIP_TRY(open_file(path, O_RDONLY | O_NOCTTY));
    input.fd = input.file.get();
    return input;
  }
  if (::isatty(STDIN_FILENO) == 1)
    return fail(ErrorCode::kInvalid,
                "read archive: standard input is a terminal; " + std::string(hint));
  input.name = "standard input";
  input.fd = STDIN_FILENO;
  return input;
}

std::function<void(const cachestore::ImportProgress&)> progress_on(
    std::optional<ImportProgressLine>& line, const std::string& source,
    const Invocation& invocation) {
  if (!shows_progress(invocation)) return nullptr;
  line.emplace(STDERR_FILENO, source, real_clock());
  return [&line](const cachestore::ImportProgress& progress) { line->update(progress); };
}

}  // namespace slipway::runner
