#pragma once

#include <vector>

#include "pipeline/model/read.h"

namespace slipway::pipeline {

inline constexpr std::size_t kMaxJobs = 1000;  ///< Instances of a plan.

/// All jobs of the tree as instances: templates left out, matrices expanded, in file order.
std::vector<JobPlan> expand_jobs(const yaml::Node& jobs, const JobSurroundings& around,
                                 std::vector<Diagnostic>& out);

/// Turns the names in `needs` into indexes: a job with a matrix counts as all its instances. Findings: unknown names,
/// templates, itself, cycles (every job of the cycle is named).
void resolve_needs(const yaml::Node& jobs, std::vector<JobPlan>& plans,
                   std::vector<Diagnostic>& out);

/// Whether `on:` takes this event.
bool is_triggered(const yaml::Node* on, const Event& event);
/// The inputs of `on: manual: inputs:` with what the event gives, as a map. Names that lack a value go to `missing`:
/// a file without them is sound, only a run is not.
Value manual_inputs(const yaml::Node* on, const Event& event, std::vector<Diagnostic>& out,
                    std::vector<std::string>& missing);

}  // namespace slipway::pipeline
