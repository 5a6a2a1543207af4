// image import, rm, tag, inspect.
#include <fcntl.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/store.h"
#include "runner/cli/archive_input.h"
#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/image_session.h"
#include "runner/cli/signals.h"
#include "runner/cli/template.h"
#include "runner/image_change.h"

namespace slipway::runner {
namespace {

using cachestore::Image;
using cachestore::Reference;
using cachestore::Store;

Status import_image(const Invocation& invocation) {
  const ArchiveInput input = SLIP_TRY(open_archive(invocation.operand(0), "pipe a tar file in"));
  cachestore::ImportRequest request;
  request.source = input.name;
  request.fd = input.fd;
  request.name = SLIP_TRY(Reference::parse(invocation.operand(1)));
  for (const std::string& change : invocation.list("change"))
    SLIP_TRY(apply_change(change, request.config));
  const std::shared_ptr<Store> store = SLIP_TRY(open_image_store(invocation));
  const CancelToken cancel;
  const CancelOnSignal on_signal(cancel);
  std::optional<ImportProgressLine> line;
  request.progress = progress_on(line, request.source, invocation);
  const Image image = SLIP_TRY(store->import_image(request, cancel));
  line.reset();
  print_data(image.id.str() + "\n");
  return {};
}

Status remove_images(const Invocation& invocation, int& failures) {
  const std::shared_ptr<Store> store = SLIP_TRY(open_image_store(invocation));
  cachestore::RemoveImage how;
  how.force = invocation.flag("force");
  how.keep_parents = invocation.flag("no-prune");
  for (const std::string& name : invocation.operands()) {
    const Result<Store::Removed> removed = store->remove_image(name, how);
    if (!removed) {
      if (removed.error().code() == ErrorCode::kNotFound && how.force) continue;
      failures = report_error(removed.error(), invocation);
      continue;
    }
    for (const std::string& untagged : removed->untagged) {
      const Result<Reference> reference = Reference::parse(untagged);
      print_data("Untagged: " + (reference ? reference->familiar() : untagged) + "\n");
    }
    for (const Digest& deleted : removed->deleted) print_data("Deleted: " + deleted.str() + "\n");
  }
  return {};
}

Status tag_image(const Invocation& invocation) {
  const Reference name = SLIP_TRY(Reference::parse(invocation.operand(1)));
  const std::shared_ptr<Store> store = SLIP_TRY(open_image_store(invocation));
  return store->tag_image(invocation.operand(0), name);
}

Status inspect_images(const Invocation& invocation, int& failures) {
  const std::shared_ptr<Store> store = SLIP_TRY(open_image_store(invocation));
  std::vector<Json> found;
  for (const std::string& name : invocation.operands()) {
    Result<Json> image = store->inspect_image(name);
    if (image) {
      found.push_back(*std::move(image));
    } else {
      failures = report_error(image.error(), invocation);
    }
  }
  if (invocation.given("format") && !invocation.flag("json")) {
    print_data(SLIP_TRY(format_items(invocation.value("format"), Json::object(), found)));
  } else {
    print_data(Json(Json::Array(found)).pretty());
  }
  return {};
}

}  // namespace

int image_import_command(const Invocation& invocation) {
  return finish_command(import_image(invocation), invocation);
}
int image_tag_command(const Invocation& invocation) {
  return finish_command(tag_image(invocation), invocation);
}

int image_remove_command(const Invocation& invocation) {
  int failures = 0;
  const int code = finish_command(remove_images(invocation, failures), invocation);
  return code != 0 ? code : failures;
}

int image_inspect_command(const Invocation& invocation) {
  int failures = 0;
  const int code = finish_command(inspect_images(invocation, failures), invocation);
  return code != 0 ? code : failures;
}

}  // namespace slipway::runner
