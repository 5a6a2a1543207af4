// Images that are here: list, inspect, history, tag, remove, prune. Docker API v1.47, "Images".
#include <algorithm>
#include <set>

#include "base/text.h"
#include "runner/docker_json.h"
#include "runner/image_filter.h"
#include "web/docker_api/api.h"

namespace slipway::web::docker_api {
namespace {

using cachestore::Image;
using cachestore::Reference;

std::int64_t unix_seconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

Json names_json(const std::vector<Reference>& names) {
  Json::Array out;
  for (const Reference& name : names) out.emplace_back(name.familiar());
  return Json(std::move(out));
}

Json labels_json(const Image& image) {
  if (image.config.labels.empty()) return {};
  return runner::map_json(image.config.labels);
}

/// Clients look for this beginning. Source: docker CLI, cli/command/image.
Error no_such_image(Error error, const std::string& name) {
  if (error.code() != ErrorCode::kNotFound) return error;
  const auto reference = Reference::parse(name);
  return Error(ErrorCode::kNotFound,
               "no such image: " + (reference ? reference->familiar() : printable(name)));
}

Result<Image> find_image(Call& call, const std::string& name) {
  auto image = call.store().image(name);
  if (!image) return fail(no_such_image(std::move(image).error(), name));
  return image;
}

/// Of docker's map: its label and reference filters are lists as ours are.
Result<runner::ImageFilter> image_filter(Call& call, runner::ImageFilter::For use) {
  std::vector<std::string> texts;
  for (const auto& [name, values] : SLIP_TRY(call.filters())) {
    for (const std::string& value : values) texts.push_back(name + "=" + value);
  }
  return runner::ImageFilter::parse(texts, use, call.store(), real_clock().wall());
}

Json summary(const Image& image, const runner::ImageFilter& filter, std::size_t containers) {
  std::vector<Reference> names, digests;
  for (const Reference& name : image.names) {
    if (filter.matches_name(name)) names.push_back(name);
  }
  for (const Reference& name : image.digests) {
    if (filter.matches_name(name)) digests.push_back(name);
  }
  return Json::object({{"Containers", containers},
                       {"Created", unix_seconds(runner::image_created(image))},
                       {"Id", image.id.str()},
                       {"Labels", labels_json(image)},
                       {"ParentId", image.parent ? image.parent->str() : ""},
                       {"RepoDigests", names_json(digests)},
                       {"RepoTags", names_json(names)},
                       {"SharedSize", -1},
                       {"Size", image.size.value},
                       {"VirtualSize", image.size.value}});
}

// GET /images/json
Status list(Call& call) {
  const runner::ImageFilter filter = SLIP_TRY(image_filter(call, runner::ImageFilter::For::kList));
  std::vector<Image> images = SLIP_TRY(call.store().images());
  const auto users = SLIP_TRY(call.store().image_users());
  std::set<Digest> parents;
  for (const Image& image : images) {
    if (image.parent) parents.insert(*image.parent);
  }
  std::stable_sort(images.begin(), images.end(), [](const Image& a, const Image& b) {
    return runner::image_created(a) > runner::image_created(b);
  });
  Json::Array items;
  for (const Image& image : images) {
    const bool is_parent = parents.contains(image.id);
    if (!filter.matches(image, is_parent)) continue;
    if (image.names.empty() && is_parent && !call.flag("all")) continue;
    const auto named = [&](const Reference& name) { return filter.matches_name(name); };
    if (filter.wants_names() && std::none_of(image.names.begin(), image.names.end(), named) &&
        std::none_of(image.digests.begin(), image.digests.end(), named))
      continue;
    const auto held = users.find(image.id);
    items.push_back(summary(image, filter, held == users.end() ? 0 : held->second.size()));
  }
  return call.json(200, Json(std::move(items)));
}

// GET /images/{name}/json
Status inspect(Call& call) {
  auto json = call.store().inspect_image(call.name());
  if (!json) return fail(no_such_image(std::move(json).error(), call.name()));
  json->set("GraphDriver", Json::object({{"Data", Json()}, {"Name", "overlay2"}}));
  json->set("VirtualSize", (*json)["Size"]);
  return call.json(200, *json);
}

// GET /images/{name}/history
Status history(Call& call) {
  const Image image = SLIP_TRY(find_image(call, call.name()));
  std::vector<cachestore::HistoryEntry> steps = image.config.history;
  if (steps.empty()) steps.resize(image.layers.size());
  Json::Array items;
  std::size_t layer = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const bool has_layer = !steps[i].empty_layer && layer < image.layer_sizes.size();
    const bool last = i + 1 == steps.size();
    items.push_back(
        Json::object({{"Comment", steps[i].comment},
                      {"Created", unix_seconds(steps[i].created)},
                      {"CreatedBy", steps[i].created_by},
                      {"Id", last ? image.id.str() : "<missing>"},
                      {"Size", has_layer ? image.layer_sizes[layer++].value : 0},
                      {"Tags", names_json(last ? image.names : std::vector<Reference>())}}));
  }
  std::reverse(items.begin(), items.end());
  return call.json(200, Json(std::move(items)));
}

// POST /images/{name}/tag
Status tag(Call& call) {
  std::string name = call.param("repo");
  if (const std::string tag = call.param("tag"); !tag.empty()) name += ":" + tag;
  const Reference reference = SLIP_TRY(Reference::parse(name));
  if (Status tagged = call.store().tag_image(call.name(), reference); !tagged)
    return fail(no_such_image(std::move(tagged).error(), call.name()));
  return call.empty(201);
}

Json removed_json(const cachestore::Store::Removed& removed) {
  Json::Array items;
  for (const std::string& name : removed.untagged) {
    const auto reference = Reference::parse(name);
    items.push_back(Json::object({{"Untagged", reference ? reference->familiar() : name}}));
  }
  for (const Digest& id : removed.deleted) items.push_back(Json::object({{"Deleted", id.str()}}));
  return Json(std::move(items));
}

// DELETE /images/{name}
Status remove(Call& call) {
  cachestore::RemoveImage how;
  how.force = call.flag("force");
  how.keep_parents = call.flag("noprune");
  auto removed = call.store().remove_image(call.name(), how);
  if (!removed) return fail(no_such_image(std::move(removed).error(), call.name()));
  return call.json(200, removed_json(*removed));
}

/// One round over all images; true when something went, so that parents may be free now.
Result<bool> prune_round(Call& call, const runner::ImageFilter& filter, bool all,
                         Json::Array& items, std::uint64_t& freed) {
  const std::vector<Image> images = SLIP_TRY(call.store().images());
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
    const auto removed = call.store().remove_image(image.id.str(), how);
    if (!removed) continue;  // in use, or gone or named since it was listed
    any = true;
    for (const Json& item : removed_json(*removed).items()) items.push_back(item);
    freed += removed->freed.value;
  }
  return any;
}

// POST /images/prune
Status prune(Call& call) {
  const runner::ImageFilter filter = SLIP_TRY(image_filter(call, runner::ImageFilter::For::kPrune));
  const bool all = filter.dangling() == false;
  Json::Array items;
  std::uint64_t freed = 0;
  while (SLIP_TRY(prune_round(call, filter, all, items, freed))) {
  }
  return call.json(200, Json::object({{"ImagesDeleted", null_if_empty(std::move(items))},
                                      {"SpaceReclaimed", freed}}));
}

}  // namespace

const std::vector<Route>& image_routes() {
  static const std::vector<Route> kRoutes{
      {"GET", "/images/json", list},          {"POST", "/images/prune", prune, 25},
      {"GET", "/images/{...}/json", inspect}, {"GET", "/images/{...}/history", history},
      {"POST", "/images/{...}/tag", tag},     {"DELETE", "/images/{...}", remove},
  };
  return kRoutes;
}

}  // namespace slipway::web::docker_api
