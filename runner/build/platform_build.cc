// From a Dockerfile to planned stages for one platform; who waits for which stage.
#include "runner/build/platform_build.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/text.h"
#include "runner/build/image_transfer.h"
#include "runner/build/stage_solver.h"

namespace slipway::runner {
namespace {

// A Dockerfile may name thousands of images; registries dislike more at a time than this.
constexpr std::size_t kMostPulls = 8;

std::string platform_prefix(bool several, const GraphStage& stage) {
  return several ? stage.platform.str() : "";
}

}  // namespace

std::vector<std::string> SolvedStage::lowers() const {
  std::vector<std::string> paths;
  for (const cachestore::Snapshot& snapshot : stack) paths.push_back(snapshot.path);
  return paths;
}

std::vector<std::string> SolvedStage::ids() const {
  std::vector<std::string> ids;
  for (const cachestore::Snapshot& snapshot : stack) ids.push_back(snapshot.id);
  return ids;
}

bool PlatformBuild::plan() {
  pipeline::Span where;
  const Status planned = plan_all(where);
  if (planned) return true;
  state_.fail_with({planned.error().clone(), where, 1, {}, {}});
  return false;
}

Status PlatformBuild::plan_all(pipeline::Span& where) {
  GraphOptions options;
  options.platform = platform_;
  options.platform_given = given_;
  options.target = state_.request.target;
  options.build_args = state_.request.args;
  // A stage that declares it sees what the client's environment says, as with buildx.
  const std::optional<std::string>& epoch = state_.request.source_date_epoch;
  if (epoch && find_value(options.build_args, "SOURCE_DATE_EPOCH") == nullptr)
    options.build_args.emplace_back("SOURCE_DATE_EPOCH", *epoch);
  options.named_contexts = state_.request.named_contexts;
  graph_ = SLIP_TRY(StageGraph::make(state_.dockerfile, options, where));
  for (;;) {  // Triggers may need further stages, whose bases may have triggers.
    order_ = SLIP_TRY(graph_.needed(where));
    SLIP_TRY(bring_images(order_, where));
    if (!SLIP_TRY(add_triggers(order_, where))) break;
  }
  SLIP_TRY(plan_stages(where));
  where = {};
  return {};
}

Result<cachestore::Image> PlatformBuild::bring_image(const GraphStage& stage) {
  ImageWish wish;
  wish.name = stage.base_name;
  if (state_.request.pull) wish.pull = pipeline::PullPolicy::kAlways;
  const bool by_platform = stage.platform_given || several_;
  if (by_platform) wish.platform = stage.platform.str();
  // Under one name there is one image: with several platforms it must be taken before another one comes.
  static std::mutex one_at_a_time;
  std::unique_lock<std::mutex> lock;
  if (by_platform) lock = std::unique_lock(one_at_a_time);
  ImageTransfer transfer(state_.vertices);
  const Status ensured = state_.place.images.ensure(wish, &transfer, state_.cancel);
  transfer.finish(ensured);
  if (!ensured) return fail(ensured.error());
  cachestore::Image image = SLIP_TRY(state_.place.store.image(stage.base_name));
  for (const cachestore::Snapshot& layer : image.layers) SLIP_TRY(state_.keep(layer.id));
  return image;
}

Status PlatformBuild::bring_images(const std::vector<std::size_t>& stages, pipeline::Span& where) {
  std::vector<std::size_t> wanted;
  for (const std::size_t index : stages) {
    const bool image = graph_.stage(index).base == GraphStage::Base::kImage;
    if (image && images_.find(index) == images_.end()) wanted.push_back(index);
  }
  std::vector<std::optional<Result<cachestore::Image>>> brought(wanted.size());
  std::atomic<std::size_t> next{0};
  const auto bring = [&] {
    for (std::size_t i = next++; i < wanted.size(); i = next++)
      brought[i] = bring_image(graph_.stage(wanted[i]));
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < std::min(wanted.size(), kMostPulls); ++i) threads.emplace_back(bring);
  bring();
  for (std::thread& thread : threads) thread.join();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    where = graph_.stage(wanted[i]).span;
    images_.emplace(wanted[i], SLIP_TRY(*std::move(brought[i])));
  }
  return {};
}

Result<bool> PlatformBuild::add_triggers(const std::vector<std::size_t>& stages,
                                         pipeline::Span& where) {
  bool added = false;
  for (const std::size_t index : stages) {
    const GraphStage& stage = graph_.stage(index);
    if (stage.has_triggers || !stage.written) continue;
    std::vector<std::string> triggers;
    if (stage.base == GraphStage::Base::kImage) triggers = images_.at(index).config.on_build;
    if (stage.base == GraphStage::Base::kStage) {
      for (const GraphInstruction& one : graph_.stage(stage.base_stage).instructions) {
        if (one.instruction.kind == pipeline::InstructionKind::kOnbuild)
          triggers.push_back(pipeline::trigger_text(one.instruction));
      }
    }
    where = stage.span;
    SLIP_TRY(graph_.add_triggers(index, triggers));
    added = added || !triggers.empty();
  }
  return added;
}

Status PlatformBuild::plan_stages(pipeline::Span& where) {
  for (const std::size_t index : order_) {
    const GraphStage& stage = graph_.stage(index);
    StageState begin;
    if (stage.base == GraphStage::Base::kStage) {
      begin = plans_.at(stage.base_stage).state.inherited();
    } else {
      cachestore::ImageConfig config;
      if (stage.base == GraphStage::Base::kImage) config = images_.at(index).config;
      if (stage.base == GraphStage::Base::kScratch) config.working_dir = "/";  // as BuildKit has it
      begin = StageState(std::move(config), state_.dockerfile.escape, graph_.arguments());
    }
    const std::string prefix = platform_prefix(several_, stage);
    StagePlan plan = SLIP_TRY(plan_stage(stage, std::move(begin), prefix, where));
    if (!plan.base_name.empty())
      base_vertices_[index] = state_.vertices.add(plan.base_name, stage.title);
    for (const PlannedStep& step : plan.steps)
      step_vertices_[index].push_back(state_.vertices.add(step.name, stage.title));
    plans_.emplace(index, std::move(plan));
    slots_.emplace(index, std::make_unique<Slot>());
  }
  return {};
}

bool PlatformBuild::has_run() const {
  return std::any_of(plans_.begin(), plans_.end(), [](const auto& plan) {
    const std::vector<PlannedStep>& steps = plan.second.steps;
    return std::any_of(steps.begin(), steps.end(), [](const PlannedStep& step) {
      return step.kind == PlannedStep::Kind::kRun;
    });
  });
}

bool PlatformBuild::solve(std::size_t stage) {
  StageSolver solver(*this, stage);
  std::optional<SolvedStage> result = solver.run();
  const bool good = result.has_value();
  {
    const std::lock_guard lock(mutex_);
    slots_.at(stage)->result = std::move(result);
    slots_.at(stage)->ended = true;
  }
  ended_.notify_all();
  return good;
}

Result<const SolvedStage*> PlatformBuild::wait_for(std::size_t stage) {
  std::unique_lock lock(mutex_);
  Slot& slot = *slots_.at(stage);
  ended_.wait(lock, [&] { return slot.ended; });
  if (!slot.result) return fail(ErrorCode::kCancelled, "wait for a stage: it has failed");
  return &*slot.result;
}

Result<std::shared_ptr<InputTree>> PlatformBuild::tree_of(std::size_t stage) {
  const SolvedStage* solved = SLIP_TRY(wait_for(stage));
  const std::lock_guard lock(mutex_);
  Slot& slot = *slots_.at(stage);
  if (slot.tree == nullptr) {
    const GraphStage& written = graph_.stage(stage);
    const std::string name = written.written
                                 ? "stage " + (written.title.empty() ? "0" : written.title)
                                 : "image " + written.base_name;
    slot.tree = SLIP_TRY(open_stack_tree(solved->lowers(), name, state_.place.state_dir));
  }
  return slot.tree;
}

}  // namespace slipway::runner
