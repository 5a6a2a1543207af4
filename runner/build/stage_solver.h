#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runner/build/copy_instruction.h"
#include "runner/build/platform_build.h"
#include "runner/build/run_mount_set.h"

namespace slipway::runner {

/// Solves one stage: its steps in order, each found by its key or made.
class StageSolver {
 public:
  StageSolver(PlatformBuild& build, std::size_t stage);
  /// Nothing: there was trouble, which the build's state has.
  std::optional<SolvedStage> run();

 private:
  /// What a step reads, opened.
  struct Inputs {
    CopyInputs copy;
    std::vector<MountSource> mounts;
    std::vector<ReadTree> mount_trees;
    std::vector<std::shared_ptr<void>> held;
  };
  Status begin();
  Status solve_step(std::size_t index);
  Result<Inputs> open_inputs(const PlannedStep& step);
  Result<ReadTree> open_source(const FileSource& source, Inputs& inputs);
  Result<CacheKey> key_of(const PlannedStep& step, const Inputs& inputs);
  Status add_run_parts(const PlannedStep& step, const Inputs& inputs, CacheKey& key);
  Result<std::optional<BuildStepRecord>> find(const Digest& key, cachestore::Snapshot& snapshot);
  Result<std::optional<BuildStepRecord>> find_imported(const Digest& key,
                                                       cachestore::Snapshot& snapshot);
  Result<BuildStepRecord> make(std::size_t index, const Inputs& inputs, const CacheKey& key,
                               cachestore::Snapshot& snapshot);
  Status run_command(std::size_t index, const Inputs& inputs, cachestore::Draft& draft);
  Result<Digest> content_after(const PlannedStep& step, const CacheKey& key,
                               const cachestore::Snapshot& snapshot, bool untouched);
  void take(std::size_t index, const BuildStepRecord& record, cachestore::Snapshot snapshot);
  void note_done(std::size_t index, const Digest& key, const BuildStepRecord& record, bool cached);
  std::string place_of(std::size_t index) const;
  bool uses_cache() const;

  PlatformBuild& build_;
  BuildState& state_;
  const std::size_t index_;
  const GraphStage& stage_;
  const StagePlan& plan_;
  SolvedStage result_;
  pipeline::Span where_;
  std::optional<BuildTrouble> trouble_;  ///< What a failed command said.
};

}  // namespace slipway::runner
