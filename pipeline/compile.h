#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "pipeline/diagnostic.h"
#include "pipeline/plan.h"

namespace slipway::pipeline {

/// What started the run. `runner exec` uses "manual" unless --event says otherwise.
struct Event {
  std::string name = "manual";  ///< push | pull-request | tag | cron | manual
  std::string branch;
  std::string tag;
  std::string sha;
  std::string ref;
  std::string repository;
  std::string actor;
  std::string target_branch;  ///< Of a pull request.
  std::vector<std::string>
      changed_paths;  ///< Empty and !changed_known: everything counts as changed.
  bool changed_known = false;
  std::map<std::string, std::string> inputs;  ///< Of a manual run.
};

struct CompileRequest {
  SourceFile file;
  Event event;
  /// Reads an included file of this repository (path relative to its root); never called with "..".
  std::function<Result<SourceFile>(const std::string& path)> include;
};

struct Compiled {
  SourceSet sources;
  std::vector<Diagnostic> diagnostics;  ///< Errors and warnings, many per run.
  std::optional<Plan> plan;             ///< Present exactly when there is no error.
};

/// Text -> validated plan: one strict YAML pass into our tree, model with did-you-mean, includes, templates, matrix,
/// needs graph. Pure but for `request.include`. Bounds: 1 MiB a file, depth 64, 10,000 nodes after aliases,
/// 1,000 jobs after matrices.
Compiled compile(const CompileRequest& request);

/// Static contexts of a job instance: event, branch, …, inputs, matrix, run (no env, steps, needs, secrets).
Value base_context(const Event& event, const JobPlan* job);

/// Drawings of the needs graph (`runner graph`).
enum class GraphFormat { kTerminal, kDot, kMermaid, kJson };
enum class Unicode { kNo, kYes };
std::string draw_graph(const Plan& plan, GraphFormat format, Unicode unicode = Unicode::kYes);

/// `runner list`: a line a job instance: name, image, needs, steps.
std::string list_jobs(const Plan& plan);
Json list_jobs_json(const Plan& plan);
/// `runner preview`: the plan as YAML with every value's origin as a trailing comment (`# ci.yml:14`).
std::string preview(const Plan& plan, const SourceSet& sources);
Json preview_json(const Plan& plan, const SourceSet& sources);

}  // namespace slipway::pipeline
