// image save and image load.
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/random.h"
#include "base/text.h"
#include "cachestore/image_archive.h"
#include "runner/cli/archive_input.h"
#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/image_session.h"
#include "runner/cli/signals.h"

namespace slipway::runner {
namespace {

using cachestore::Store;

/// Where an archive goes: standard output, a device or pipe as it is, or a file that appears whole or not at all.
class Output {
 public:
  static Result<Output> open(const std::string& path) {
    Output output;
    if (path.empty() || path == "-") {
      if (::isatty(STDOUT_FILENO) == 1)
        return fail(ErrorCode::kInvalid,
                    "write archive: standard output is a terminal; use --output FILE or a pipe");
      output.fd_ = STDOUT_FILENO;
      output.name_ = "standard output";
      return output;
    }
    output.name_ = path;
    struct stat info {};
    const bool exists = ::stat(path.c_str(), &info) == 0;
    if (exists && S_ISDIR(info.st_mode))
      return fail(ErrorCode::kInvalid, "write " + path + ": it is a directory");
    const bool special = exists && !S_ISREG(info.st_mode);
    if (!special) output.part_ = path + "." + random_hex(4) + ".part";
    const int flags = special ? O_WRONLY | O_NOCTTY : O_WRONLY | O_CREAT | O_EXCL;
    output.file_ = SLIP_TRY(open_file(special ? path : output.part_, flags, 0666));
    output.fd_ = output.file_.get();
    return output;
  }
  Output(Output&& other) noexcept
      : name_(std::move(other.name_)),
        part_(std::exchange(other.part_, {})),
        file_(std::move(other.file_)),
        fd_(other.fd_) {}
  Output& operator=(Output&&) = delete;
  ~Output() {
    if (!part_.empty()) ::unlink(part_.c_str());
  }
  /// All was written: the file takes its name.
  Status keep() {
    if (part_.empty()) return {};
    if (::fsync(fd_) != 0 || ::rename(part_.c_str(), name_.c_str()) != 0)
      return fail_errno("write " + name_);
    part_.clear();
    return {};
  }
  int fd() const { return fd_; }
  const std::string& name() const { return name_; }

 private:
  Output() = default;
  std::string name_;
  std::string part_;
  Fd file_;
  int fd_ = -1;
};

Status save_images(const Invocation& invocation) {
  Output output = SLIP_TRY(Output::open(invocation.value("output")));
  cachestore::SaveRequest request;
  request.images = invocation.operands();
  request.fd = output.fd();
  request.target = output.name();
  if (invocation.value("format", "docker") == "oci")
    request.format = cachestore::ArchiveFormat::kOci;
  const std::shared_ptr<Store> store = SLIP_TRY(open_image_store(invocation));
  const CancelToken cancel;
  const CancelOnSignal on_signal(cancel);
  std::optional<ImportProgressLine> line;
  if (shows_progress(invocation)) {
    line.emplace(STDERR_FILENO, output.name(), real_clock());
    request.progress = [&](std::uint64_t bytes) { line->update({bytes, 0, 0}); };
  }
  SLIP_TRY(cachestore::save_images(*store, request, cancel));
  return output.keep();
}

// In docker's words, which scripts cut the name or id from.
std::string report_of(const cachestore::LoadedImage& image) {
  std::string text;
  for (const auto& [name, id] : image.replaced) {
    text += "The image " + name.familiar() + " already exists, renaming the old one with ID " +
            id.str() + " to empty string\n";
  }
  for (const cachestore::Reference& name : image.names)
    text += "Loaded image: " + name.familiar() + "\n";
  if (image.names.empty()) text += "Loaded image ID: " + image.id.str() + "\n";
  return text;
}

Status load_images(const Invocation& invocation) {
  const ArchiveInput input =
      SLIP_TRY(open_archive(invocation.value("input"), "use --input FILE or a pipe"));
  cachestore::LoadRequest request;
  request.source = input.name;
  request.fd = input.fd;
  const std::shared_ptr<Store> store = SLIP_TRY(open_image_store(invocation));
  const CancelToken cancel;
  const CancelOnSignal on_signal(cancel);
  std::optional<ImportProgressLine> line;
  request.progress = progress_on(line, request.source, invocation);
  const auto loaded = SLIP_TRY(cachestore::load_images(*store, request, cancel));
  line.reset();
  for (const cachestore::LoadedImage& image : loaded) print_data(report_of(image));
  return {};
}

}  // namespace

int image_save_command(const Invocation& invocation) {
  return finish_command(save_images(invocation), invocation);
}
int image_load_command(const Invocation& invocation) {
  return finish_command(load_images(invocation), invocation);
}

}  // namespace slipway::runner
