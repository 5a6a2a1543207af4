// image import, ls, rm, tag, inspect.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/store.h"
#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/image_change.h"
#include "runner/cli/import_progress.h"
#include "runner/cli/relative_time.h"
#include "runner/cli/signals.h"
#include "runner/cli/template.h"
#include "sandbox/engine.h"

namespace slipway::runner {
namespace {

using cachestore::Image;
using cachestore::Reference;
using cachestore::Store;

/// The store as this user sees it; an ordinary user's files belong to ids that only the engine's user namespace shows.
Result<std::shared_ptr<Store>> open_store(const Invocation& invocation) {
  const std::string root = state_dir(invocation);
  SLIP_TRY(sandbox::enter_engine_namespaces());
  return Store::open({root, {}, true});
}

int finish(const Status& status, const Invocation& invocation) {
  return status ? 0 : report_error(status.error(), invocation);
}

bool shows_progress(const Invocation& invocation) {
  const std::string mode = invocation.value("progress", "auto");
  if (invocation.flag("quiet") || mode == "quiet" || mode == "plain" || mode == "json")
    return false;
  if (mode == "tty") return true;
  const auto variable = process_environment();
  const std::string term = variable("TERM").value_or("dumb");
  return ::isatty(STDERR_FILENO) == 1 && term != "dumb" && variable("CI").value_or("").empty();
}

Status import_image(const Invocation& invocation) {
  cachestore::ImportRequest request;
  request.source = invocation.operand(0);
  request.name = SLIP_TRY(Reference::parse(invocation.operand(1)));
  for (const std::string& change : invocation.list("change"))
    SLIP_TRY(apply_change(change, request.config));
  Fd file;
  if (request.source == "-") {
    request.source = "standard input";
    if (::isatty(STDIN_FILENO) == 1)
      return fail(ErrorCode::kInvalid,
                  "read archive: standard input is a terminal; pipe a tar file in");
    request.fd = STDIN_FILENO;
  } else {
    file = SLIP_TRY(open_file(request.source, O_RDONLY | O_NOCTTY));
    request.fd = file.get();
  }
  const std::shared_ptr<Store> store = SLIP_TRY(open_store(invocation));
  const CancelToken cancel;
  const CancelOnSignal on_signal(cancel);
  std::optional<ImportProgressLine> line;
  if (shows_progress(invocation)) {
    line.emplace(STDERR_FILENO, request.source, real_clock());
    request.progress = [&](const cachestore::ImportProgress& progress) { line->update(progress); };
  }
  const Image image = SLIP_TRY(store->import_image(request, cancel));
  line.reset();
  print_data(image.id.str() + "\n");
  return {};
}

/// One line of `image ls`: an image has a line for each of its names.
Json list_entry(const Image& image, const Reference* name, bool whole_id) {
  const std::string familiar = name != nullptr ? name->familiar() : "";
  const std::string tag = name != nullptr && !name->tag.empty() ? name->tag : "<none>";
  std::string repository = "<none>";
  if (name != nullptr) {
    const bool tagged = !name->tag.empty() && familiar.ends_with(":" + name->tag);
    repository = tagged ? familiar.substr(0, familiar.size() - name->tag.size() - 1)
                        : familiar.substr(0, familiar.find('@'));
  }
  const WallTime created =
      image.config.created == WallTime{} ? image.imported : image.config.created;
  return Json::object({{"ID", whole_id ? image.id.str() : image.id.short_hex()},
                       {"Repository", repository},
                       {"Tag", tag},
                       {"Digest", image.manifest.str()},
                       {"CreatedSince", relative_time(created, real_clock().wall())},
                       {"CreatedAt", format_rfc3339(created)},
                       {"Size", format_size(image.size)},
                       {"Bytes", image.size.value}});
}

bool wanted(const Reference& name, const std::optional<Reference>& filter, bool any_tag) {
  if (!filter) return true;
  return name.registry == filter->registry && name.repository == filter->repository &&
         (any_tag || name.tag == filter->tag);
}

Result<std::vector<Json>> list_entries(const Invocation& invocation) {
  std::optional<Reference> filter;
  const std::string text = invocation.operand(0);
  if (!text.empty()) filter = SLIP_TRY(Reference::parse(text));
  const bool any_tag = text.find(':', text.rfind('/') == std::string::npos ? 0 : text.rfind('/')) ==
                       std::string::npos;
  const bool whole_id = invocation.flag("no-trunc") || invocation.flag("json");
  const std::shared_ptr<Store> store = SLIP_TRY(open_store(invocation));
  std::vector<Image> images = SLIP_TRY(store->images());
  std::stable_sort(images.begin(), images.end(),
                   [](const Image& a, const Image& b) { return a.imported > b.imported; });
  std::vector<Json> entries;
  for (const Image& image : images) {
    if (image.names.empty() && !filter) entries.push_back(list_entry(image, nullptr, whole_id));
    for (const Reference& name : image.names) {
      if (wanted(name, filter, any_tag)) entries.push_back(list_entry(image, &name, whole_id));
    }
  }
  return entries;
}

const Json& list_headings() {
  static const Json headings = Json::object({{"ID", "IMAGE ID"},
                                             {"Repository", "REPOSITORY"},
                                             {"Tag", "TAG"},
                                             {"Digest", "DIGEST"},
                                             {"CreatedSince", "CREATED"},
                                             {"CreatedAt", "CREATED AT"},
                                             {"Size", "SIZE"},
                                             {"Bytes", "BYTES"}});
  return headings;
}

std::string quiet_list(const std::vector<Json>& entries) {
  std::vector<std::string> ids;
  for (const Json& entry : entries) {
    const std::string id(entry["ID"].string_or(""));
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  }
  return ids.empty() ? "" : join(ids, "\n") + "\n";
}

Status list_images(const Invocation& invocation) {
  const std::vector<Json> entries = SLIP_TRY(list_entries(invocation));
  if (invocation.flag("json")) {
    print_data(Json(Json::Array(entries)).pretty());
    return {};
  }
  if (invocation.flag("quiet")) {
    print_data(quiet_list(entries));
    return {};
  }
  std::string format = "table {{.Repository}}\t{{.Tag}}\t";
  if (invocation.flag("digests")) format += "{{.Digest}}\t";
  format += "{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";
  print_data(SLIP_TRY(format_items(invocation.value("format", format), list_headings(), entries)));
  return {};
}

Status remove_images(const Invocation& invocation, int& failures) {
  const std::shared_ptr<Store> store = SLIP_TRY(open_store(invocation));
  for (const std::string& name : invocation.operands()) {
    const Result<Store::Removed> removed = store->remove_image(name);
    if (!removed) {
      if (removed.error().code() == ErrorCode::kNotFound && invocation.flag("force")) continue;
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
  const std::shared_ptr<Store> store = SLIP_TRY(open_store(invocation));
  return store->tag_image(invocation.operand(0), name);
}

Status inspect_images(const Invocation& invocation, int& failures) {
  const std::shared_ptr<Store> store = SLIP_TRY(open_store(invocation));
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
  return finish(import_image(invocation), invocation);
}
int image_list_command(const Invocation& invocation) {
  return finish(list_images(invocation), invocation);
}
int image_tag_command(const Invocation& invocation) {
  return finish(tag_image(invocation), invocation);
}

int image_remove_command(const Invocation& invocation) {
  int failures = 0;
  const int code = finish(remove_images(invocation, failures), invocation);
  return code != 0 ? code : failures;
}

int image_inspect_command(const Invocation& invocation) {
  int failures = 0;
  const int code = finish(inspect_images(invocation, failures), invocation);
  return code != 0 ? code : failures;
}

}  // namespace slipway::runner
