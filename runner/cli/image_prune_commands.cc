// image prune and cache prune.
#include <set>

#include "base/text.h"
#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/image_session.h"
#include "runner/image_filter.h"

namespace slipway::runner {
namespace {

using cachestore::Image;
using cachestore::Reference;
using cachestore::Store;

constexpr std::string_view kDanglingQuestion = "WARNING! This will remove all dangling images.\n";
constexpr std::string_view kAllQuestion =
    "WARNING! This will remove all images without at least one container associated to them.\n";
constexpr std::string_view kCacheQuestion =
    "WARNING! This will remove step snapshots, workspaces and other cached files that nothing "
    "uses.\n";

std::string reclaimed(ByteCount freed) {
  return "Total reclaimed space: " + format_size(freed) + "\n";
}

Status check_confirmed(const Invocation& invocation, std::string_view question) {
  if (invocation.flag("force") || confirmed(std::string(question))) return {};
  return fail(ErrorCode::kCancelled, "nothing was removed: not confirmed");
}

/// One round over all images; true when something went, so that parents may be free now.
Result<bool> prune_round(Store& store, const ImageFilter& filter, bool all, std::string& report,
                         ByteCount& freed) {
  const std::vector<Image> images = SLIP_TRY(store.images());
  std::set<Digest> parents;
  for (const Image& image : images) {
    if (image.parent) parents.insert(*image.parent);
  }
  cachestore::RemoveImage how;
  how.only_unused = true;
  how.only_unnamed = !all;
  bool any = false;
  for (const Image& image : images) {
    const bool is_parent = parents.contains(image.id);
    if (is_parent || (!all && !image.names.empty()) || !filter.matches(image, is_parent)) continue;
    const auto removed = store.remove_image(image.id.str(), how);
    // In use, or gone or named since it was listed: not ours to remove.
    if (!removed && removed.error().code() != ErrorCode::kConflict &&
        removed.error().code() != ErrorCode::kNotFound) {
      return fail(removed.error().clone());
    }
    if (!removed) continue;
    any = true;
    for (const std::string& name : removed->untagged) {
      const auto reference = Reference::parse(name);
      report += "untagged: " + (reference ? reference->familiar() : name) + "\n";
    }
    for (const Digest& id : removed->deleted) report += "deleted: " + id.str() + "\n";
    freed.value += removed->freed.value;
  }
  return any;
}

Status prune_images(const Invocation& invocation) {
  const std::shared_ptr<Store> store = SLIP_TRY(open_image_store(invocation));
  const ImageFilter filter = SLIP_TRY(ImageFilter::parse(
      invocation.list("filter"), ImageFilter::For::kPrune, *store, real_clock().wall()));
  // docker: --filter dangling=false is another way to say --all.
  const bool all = invocation.flag("all") || filter.dangling() == false;
  SLIP_TRY(check_confirmed(invocation, all ? kAllQuestion : kDanglingQuestion));
  std::string report;
  ByteCount freed;
  while (SLIP_TRY(prune_round(*store, filter, all, report, freed))) {
  }
  if (!report.empty()) print_data("Deleted Images:\n" + report + "\n");
  print_data(reclaimed(freed));
  return {};
}

Status prune_cache(const Invocation& invocation) {
  ByteCount keep;
  if (invocation.given("keep-size")) {
    keep =
        SLIP_TRY_WITHIN("read option \"--keep-size\"", parse_size(invocation.value("keep-size")));
  }
  SLIP_TRY(check_confirmed(invocation, kCacheQuestion));
  const std::shared_ptr<Store> store = SLIP_TRY(open_image_store(invocation));
  const auto collected = SLIP_TRY(store->collect(keep));
  print_data(reclaimed(collected.freed));
  return {};
}

}  // namespace

int image_prune_command(const Invocation& invocation) {
  return finish_command(prune_images(invocation), invocation);
}
int cache_prune_command(const Invocation& invocation) {
  return finish_command(prune_cache(invocation), invocation);
}

}  // namespace slipway::runner
