#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cachestore/store.h"
#include "pipeline/expression.h"
#include "runner/execute/assignments.h"
#include "runner/execute/job_reports.h"
#include "runner/execute/run_context.h"
#include "runner/execute/stacks.h"

namespace slipway::runner {

/// A resolved image: where a container's root comes from and what its config asks for.
struct StepImage {
  std::string name;
  bool host_tools = false;
  cachestore::ImageConfig config;
  Stack stack;  ///< Grows by what the job's steps in this image write.
};

/// What one attempt of a job carries from step to step.
struct JobState {
  std::map<std::string, StepImage>
      images;                     ///< By name: steps in the same image see each other's changes.
  Stack work;                     ///< Checkout, artifacts of needs, then what steps wrote.
  Assignments carried;            ///< SLIPWAY_ENV.
  std::vector<std::string> path;  ///< SLIPWAY_PATH, oldest first.
  pipeline::Value steps = pipeline::Value(pipeline::Value::Map{});  ///< The `steps` context.
  pipeline::Value roots;  ///< Contexts that do not change within the job.
  std::string network;    ///< The private one that it shares with its services; empty: none.
  std::optional<CoverageWatch> coverage;
  pipeline::RunState state = pipeline::RunState::kSuccess;

  pipeline::EvalContext context(const RunContext& run) const {
    pipeline::EvalContext context;
    context.roots = roots;
    context.roots.set("steps", steps);
    context.state = state;
    context.host = &run.host;
    return context;
  }
};

/// Finds an image in the store (or the machine's own tools for "host"); the error says how to get it.
Result<StepImage> resolve_image(cachestore::Store& store, const std::string& name);

}  // namespace slipway::runner
