// cp, diff, export and commit: a container's files.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/archive.h"
#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/container_world.h"
#include "runner/cli/signals.h"
#include "runner/container_commit.h"
#include "runner/container_copy.h"
#include "runner/image_change.h"

namespace slipway::runner {
namespace {

/// One operand of cp.
struct CopyOperand {
  std::string container;  ///< "": this machine.
  std::string path;
  bool is_stream() const { return container.empty() && path == "-"; }
};

// Docker CLI: splitCpArg. A path of this machine with a colon is written with a slash or a dot in front.
CopyOperand read_operand(const std::string& text) {
  const std::size_t colon = text.find(':');
  const std::size_t slash = text.find('/');
  const bool local = text.empty() || text[0] == '/' || text[0] == '.' ||
                     colon == std::string::npos || colon == 0 || slash < colon;
  if (local) return {"", text};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

Status check_operands(const CopyOperand& from, const CopyOperand& to) {
  if (!from.container.empty() && !to.container.empty())
    return fail(ErrorCode::kUnsupported,
                "copy between containers: go through this machine, or a pipe of two `runner cp`");
  if (from.container.empty() && to.container.empty())
    return fail(ErrorCode::kInvalid, "copy: one of SRC and DST must be CONTAINER:PATH");
  if (from.path.empty() || to.path.empty())
    return fail(ErrorCode::kInvalid, "copy: a path is empty");
  return {};
}

Status copy(const Invocation& invocation) {
  const CopyOperand from = read_operand(invocation.operand(0));
  const CopyOperand to = read_operand(invocation.operand(1));
  SLIP_TRY(check_operands(from, to));
  if (to.is_stream() && ::isatty(STDOUT_FILENO) == 1)
    return fail(ErrorCode::kInvalid,
                "write tar stream: standard output is a terminal; send it to a file or a pipe");
  const bool into = !to.container.empty();
  ContainerWorld world = SLIP_TRY(open_world(invocation));
  const CancelToken cancel;
  const CancelOnSignal on_signal(cancel);
  const Fd root = SLIP_TRY(
      world.containers->open_root(into ? to.container : from.container,
                                  into ? sandbox::Access::kReadWrite : sandbox::Access::kReadOnly));
  const CopyPlace source{into ? -1 : root.get(), from.path};
  const CopyPlace destination{into ? root.get() : -1, to.path};
  const CopyLinks links = invocation.flag("follow-link") ? CopyLinks::kFollow : CopyLinks::kKeep;
  const CopyOwners owners =
      invocation.flag("archive") ? CopyOwners::kSource : CopyOwners::kDestination;
  if (to.is_stream()) return copy_to_stream(source, links, STDOUT_FILENO, cancel);
  const std::uint64_t bytes =
      from.is_stream() ? SLIP_TRY(copy_from_stream(STDIN_FILENO, destination, owners, cancel))
                       : SLIP_TRY(copy_files(source, destination, links, owners, cancel));
  if (!invocation.flag("quiet"))
    print_note("copied " + format_size({bytes}) + " to " + printable(invocation.operand(1)) + "\n");
  return {};
}

Status show_changes(const Invocation& invocation) {
  ContainerWorld world = SLIP_TRY(open_world(invocation));
  for (const auto& change : SLIP_TRY(world.containers->diff(invocation.operand(0)))) {
    constexpr std::string_view kLetters = "CAD";  // Docker: kinds 0, 1, 2
    print_data(std::string(1, kLetters.at(static_cast<std::size_t>(change.kind))) + " " +
               printable(change.path) + "\n");
  }
  return {};
}

Status export_files(const Invocation& invocation) {
  const std::string file = invocation.value("output");
  if (file.empty() && ::isatty(STDOUT_FILENO) == 1)
    return fail(ErrorCode::kInvalid,
                "write archive: standard output is a terminal; give --output or a pipe");
  ContainerWorld world = SLIP_TRY(open_world(invocation));
  const CancelToken cancel;
  const CancelOnSignal on_signal(cancel);
  const Fd root = SLIP_TRY(world.containers->open_files(invocation.operand(0)));
  if (file.empty()) return cachestore::pack_copy(root.get(), ".", "", STDOUT_FILENO, cancel);
  const Fd out = SLIP_TRY(open_file(file, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  return cachestore::pack_copy(root.get(), ".", "", out.get(), cancel);
}

Status commit(const Invocation& invocation) {
  std::optional<cachestore::Reference> name;
  if (!invocation.operand(1).empty())
    name = SLIP_TRY(cachestore::Reference::parse(invocation.operand(1)));
  ContainerWorld world = SLIP_TRY(open_world(invocation));
  const sandbox::ContainerInfo info = SLIP_TRY(world.containers->inspect(invocation.operand(0)));
  cachestore::ImageConfig config;
  if (const auto image = world.store->image(info.config.image_id)) config = image->config;
  merge_into_image(info, config);
  for (const std::string& change : invocation.list("change"))
    SLIP_TRY(apply_change(change, config));
  const cachestore::Image made = SLIP_TRY(world.containers->commit(
      info.id, config, invocation.value("message"), invocation.value("author"), name,
      invocation.value("pause", "true") == "true"));
  print_data(made.id.str() + "\n");
  return {};
}

}  // namespace

int container_copy_command(const Invocation& invocation) {
  return finish(copy(invocation), invocation);
}
int container_diff_command(const Invocation& invocation) {
  return finish(show_changes(invocation), invocation);
}
int container_export_command(const Invocation& invocation) {
  return finish(export_files(invocation), invocation);
}
int container_commit_command(const Invocation& invocation) {
  return finish(commit(invocation), invocation);
}

}  // namespace slipway::runner
