#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/dockerfile_values.h"
#include "runner/build/copy.h"
#include "runner/build/graph.h"
#include "runner/build/stage_state.h"

namespace slipway::runner {

/// A stage as steps that change files, each with everything it sees; the config and the history that come of it.

struct CopyPlan {
  std::vector<std::string> sources;  ///< Patterns in the source's tree.
  std::vector<std::string> urls;     ///< ADD only, as the gits.
  std::vector<std::string> gits;
  std::vector<CopyFile> files;  ///< Here-documents.
  std::string destination;
  std::string chown, chmod, checksum;
  std::vector<std::string> excludes;
  bool add = false, link = false, parents = false;
  std::string unpack, keep_git_dir;  ///< "", "true", "false"
};

struct RunPlan {
  std::vector<std::string> argv;
  /// A here-document that begins with #!: it runs as /dev/pipes/<name>.
  std::string script_name, script;
  std::vector<pipeline::RunMount>
      mounts;  ///< As many as GraphInstruction::sources, in the same order.
  pipeline::RunSettings::Network network = pipeline::RunSettings::Network::kDefault;
  bool insecure = false;
};

struct PlannedStep {
  enum class Kind { kRun, kCopy, kWorkdir };
  Kind kind = Kind::kRun;
  const GraphInstruction* written = nullptr;  ///< In the graph, which outlives the plan.
  std::string name;                           ///< "[build 2/5] RUN make"
  std::size_t history = 0;                    ///< Its entry in StagePlan::state.
  NamedValues variables;
  std::string user, workdir;  ///< kWorkdir: `workdir` is what is made.
  CopyPlan copy;
  RunPlan run;
};

struct StagePlan {
  StageState state;
  std::vector<PlannedStep> steps;
  std::string base_name;  ///< Of the vertex for the base image; empty where there is none.
};

/// `state` is the base's. On failure `where` is the place in the Dockerfile. `platform_prefix`: builds for several
/// platforms show it.
Result<StagePlan> plan_stage(const GraphStage& stage, StageState state,
                             const std::string& platform_prefix, pipeline::Span& where);

}  // namespace slipway::runner
