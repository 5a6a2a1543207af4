#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runner/build/build_state.h"
#include "runner/build/graph.h"
#include "runner/build/stage_plan.h"

namespace slipway::runner {

/// A layer that a stage added to its base image.
struct SolvedLayer {
  std::size_t history = 0;  ///< Entry of the stage's history that it stands for.
  std::string snapshot;
  WallTime created{};
};

/// A stage's result: its files, and what its image is made of.
struct SolvedStage {
  std::optional<cachestore::Image> base;  ///< The image below it all.
  std::vector<cachestore::Snapshot> stack;
  Digest content;  ///< Names the files: what further keys stand on.
  std::vector<SolvedLayer> layers;

  std::vector<std::string> lowers() const;
  std::vector<std::string> ids() const;
};

/// One platform's graph: planned at once, solved stage by stage by whatever threads there are.
class PlatformBuild {
 public:
  PlatformBuild(BuildState& state, const cachestore::Platform& platform, bool platform_given,
                bool one_of_several)
      : state_(state), platform_(platform), given_(platform_given), several_(one_of_several) {}

  /// Graph, base images (pulled where they are missing), triggers, plans and vertices. False: there was trouble, which
  /// the state has.
  bool plan();
  /// Stages to be solved, each after those it uses.
  const std::vector<std::size_t>& order() const { return order_; }
  /// Solves one stage, waiting for those it uses; false: there was trouble, which the state has.
  bool solve(std::size_t stage);

  const cachestore::Platform& platform() const { return platform_; }
  const StageGraph& graph() const { return graph_; }
  const std::map<std::size_t, cachestore::Image>& base_images() const { return images_; }
  bool has_run() const;  ///< Some stage that is needed has a RUN.
  const StagePlan& target_plan() const { return plans_.at(graph_.target()); }
  const SolvedStage& target_result() const { return *slots_.at(graph_.target())->result; }

 private:
  friend class StageSolver;
  struct Slot {
    std::optional<SolvedStage> result;
    std::shared_ptr<InputTree> tree;  ///< Made when somebody copies from it.
    bool ended = false;
  };
  Status plan_all(pipeline::Span& where);
  Status bring_images(const std::vector<std::size_t>& stages, pipeline::Span& where);
  Result<cachestore::Image> bring_image(const GraphStage& stage);
  Result<bool> add_triggers(const std::vector<std::size_t>& stages, pipeline::Span& where);
  Status plan_stages(pipeline::Span& where);
  /// Blocks until the stage has ended. kCancelled: without a result.
  Result<const SolvedStage*> wait_for(std::size_t stage);
  Result<std::shared_ptr<InputTree>> tree_of(std::size_t stage);

  BuildState& state_;
  cachestore::Platform platform_;
  bool given_ = false;
  bool several_ = false;
  StageGraph graph_;
  std::vector<std::size_t> order_;
  std::map<std::size_t, cachestore::Image> images_;  ///< By stage.
  std::map<std::size_t, StagePlan> plans_;
  std::map<std::size_t, std::size_t> base_vertices_;
  std::map<std::size_t, std::vector<std::size_t>> step_vertices_;
  std::mutex mutex_;  ///< Of what lies in the slots.
  std::condition_variable ended_;
  std::map<std::size_t, std::unique_ptr<Slot>> slots_;
};

}  // namespace slipway::runner
