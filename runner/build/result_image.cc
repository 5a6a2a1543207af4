// From a solved stage to an image: config, history with times, layers.
#include "runner/build/result_image.h"

#include <algorithm>

#include "runner/build/cache_key.h"

namespace slipway::runner {
namespace {

constexpr const char* kComment = "buildkit.dockerfile.v0";  // Tools recognise these entries by it.

// An entry without a layer has the time of the layer before it; those in front of the first new layer have its time.
// As BuildKit's exporter: the newest layer of a cached build stays where it was, and so does the image's digest.
void fill_in_times(std::vector<cachestore::HistoryEntry>& entries, WallTime before) {
  WallTime time = before;
  for (const cachestore::HistoryEntry& entry : entries) {
    if (entry.created == WallTime{}) continue;
    time = entry.created;
    break;
  }
  for (cachestore::HistoryEntry& entry : entries) {
    if (entry.created != WallTime{}) time = entry.created;
    entry.created = time;
  }
}

std::vector<cachestore::HistoryEntry> history_of(const BuildState& state, const StagePlan& plan,
                                                 const SolvedStage& stage) {
  std::vector<cachestore::HistoryEntry> entries;
  for (const HistoryStep& step : plan.state.history()) {
    cachestore::HistoryEntry entry;
    entry.created_by = step.created_by;
    entry.comment = kComment;
    entry.empty_layer = !step.layer;
    entries.push_back(std::move(entry));
  }
  for (const SolvedLayer& layer : stage.layers) entries[layer.history].created = layer.created;
  WallTime before = stage.base ? stage.base->config.created : WallTime{};
  if (before == WallTime{}) before = real_clock().wall();
  fill_in_times(entries, before);
  if (state.epoch) {
    for (cachestore::HistoryEntry& entry : entries) entry.created = *state.epoch;
  }
  return entries;
}

void add_list(CacheKey& key, const char* name, const std::vector<std::string>& values) {
  for (const std::string& value : values) key.add(name, value);
}

/// Everything that the image's documents say, but for times: those are the layers' or, without any, do not matter.
Digest image_key(const BuildState& state, const SolvedStage& stage,
                 const std::vector<cachestore::HistoryEntry>& history,
                 const cachestore::ImageConfig& config) {
  CacheKey key;
  key.add("base", stage.base ? stage.base->id.str() : "scratch");
  key.add("platform", config.os + "/" + config.architecture + "/" + config.variant);
  if (state.epoch) key.add("epoch", format_rfc3339(*state.epoch));
  for (const SolvedLayer& layer : stage.layers)
    key.add("layer " + std::to_string(layer.history), layer.snapshot);
  for (const cachestore::HistoryEntry& entry : history) key.add("history", entry.created_by);
  key.add("user", config.user);
  key.add("author", config.author);
  key.add("working directory", config.working_dir);
  key.add("stop signal", config.stop_signal);
  add_list(key, "env", config.env);
  add_list(key, "entrypoint", config.entrypoint);
  add_list(key, "cmd", config.cmd);
  add_list(key, "volume", config.volumes);
  add_list(key, "port", config.exposed_ports);
  add_list(key, "trigger", config.on_build);
  add_list(key, "shell", config.shell);
  for (const auto& [name, value] : config.labels) key.add("label " + name, value);
  if (config.healthcheck) {
    const cachestore::Healthcheck& check = *config.healthcheck;
    add_list(key, "health", check.test);
    for (const auto duration :
         {check.interval, check.timeout, check.start_period, check.start_interval})
      key.add("health time", std::to_string(duration.count()));
    key.add("health retries", std::to_string(check.retries));
  }
  return key.digest();
}

cachestore::ImageConfig config_of(const BuildState& state, const PlatformBuild& build) {
  cachestore::ImageConfig config = build.target_plan().state.finished_config();
  for (const auto& [name, value] : state.request.labels) {
    NamedValues& labels = config.labels;
    set_value(labels, name, value);
    std::sort(labels.begin(), labels.end());
  }
  const cachestore::Platform& platform = build.graph().stage(build.graph().target()).platform;
  config.os = platform.os;
  config.architecture = platform.architecture;
  config.variant = platform.variant;
  return config;
}

}  // namespace

Result<cachestore::Image> make_result_image(BuildState& state, const PlatformBuild& build) {
  const SolvedStage& stage = build.target_result();
  cachestore::ImageConfig config = config_of(state, build);
  std::vector<cachestore::HistoryEntry> history = history_of(state, build.target_plan(), stage);
  const Digest key = image_key(state, stage, history, config);
  if (const auto known = state.records.find_image(key)) {
    Result<cachestore::Image> image = state.place.store.image(known->str());
    if (image || image.error().code() != ErrorCode::kNotFound) return image;
  }
  config.created = history.empty() ? (stage.base ? stage.base->config.created : real_clock().wall())
                                   : history.back().created;
  if (state.epoch) config.created = *state.epoch;
  cachestore::CreateImage create;
  if (stage.base) create.parent = stage.base->id;
  create.config = std::move(config);
  for (std::size_t i = 0; i < history.size(); ++i) {
    cachestore::ImageStep step;
    for (const SolvedLayer& layer : stage.layers) {
      if (layer.history == i) step.snapshot = layer.snapshot;
    }
    step.history = std::move(history[i]);
    create.steps.push_back(std::move(step));
  }
  cachestore::Image image =
      SLIP_TRY(state.place.store.create_image(std::move(create), state.cancel));
  SLIP_TRY(state.records.put_image(key, image.id));
  return image;
}

Status name_image(BuildState& state, const cachestore::Image& image,
                  const std::vector<cachestore::Reference>& names) {
  for (const cachestore::Reference& name : names) {
    if (std::find(image.names.begin(), image.names.end(), name) != image.names.end()) continue;
    SLIP_TRY(state.place.store.tag_image(image.id.str(), name));
  }
  return {};
}

}  // namespace slipway::runner
