#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/plan_parts.h"

namespace slipway::pipeline {

/// Everything `runner exec`, the server and every front-end agree on: what is to be run, with all templates,
/// matrices and defaults resolved. What can only be known while running (env values, conditions, names of
/// outputs) stays as Expression or Template, or as VariablePlan and `$NAME` text.

enum class StepKind { kRun, kBuild, kArtifact, kDeploy };
/// When a step runs: after only successes, whatever happened, or only after a failure.
enum class StepWhen { kOnSuccess, kAlways, kOnFailure };
/// Who shows a script's commands: the engine before it starts, or the script itself, each before it runs.
enum class Echo { kEngine, kScript };

struct StepPlan {
  std::string id;    ///< Unique in the job: the author's `id`, else "step-<n>" (1-based).
  std::string name;  ///< Shown: `name`, else the first line of the script.
  StepKind kind = StepKind::kRun;
  Script script;  ///< kRun.
  Echo echo = Echo::kEngine;
  /// kBuild, kArtifact, kDeploy: the step's map, checked for shape, not evaluated.
  Value settings;
  std::optional<ImageSpec> image;  ///< Another image than the job's.
  EnvLayer env;
  Template workdir;   ///< Empty: the workspace. Relative to the workspace.
  std::string shell;  ///< "bash", "sh", …; empty: bash where the image has it, else sh.
  std::optional<Millis> timeout;
  std::optional<Expression> condition;
  StepWhen when = StepWhen::kOnSuccess;
  bool advisory = false;  ///< However it ends, the job's result stays.
  bool memo = false;
  std::vector<std::string> inputs;
  Span origin;
};

/// When a job runs, given how what it waits for ended. An unplayed manual job counts as skipped.
enum class RunPolicy { kOnSuccess, kAlways, kOnFailure };

struct JobPlan {
  std::string name;       ///< As in the file: "build".
  std::string instance;   ///< Unique in the plan and shown: "build" or "build (gcc, x86)".
  std::size_t stage = 0;  ///< Index into Plan::stages; 0 without stages.
  Value matrix;           ///< Map of this instance's values; null without a matrix.
  Value inputs;           ///< Map: the event's inputs, with the defaults of `on: manual: inputs`.
  std::size_t matrix_group = 0;  ///< Same number for all instances of one job.
  std::optional<int> max_parallel;
  bool fail_fast = true;
  int node_index = 0;  ///< 1-based place among node_total equal or matrix instances; 0 without.
  int node_total = 0;

  ImageSpec image;
  std::vector<EnvLayer> env;            ///< Outer first: pipeline, job.
  std::vector<VariablePlan> variables;  ///< Over Plan::variables; see settle_variables().
  std::vector<FilePlan> files;
  std::vector<StepPlan> steps;  ///< Empty with a trigger.
  std::optional<TriggerPlan> trigger;
  std::vector<Need> needs;
  std::vector<std::string> parent_needs;  ///< Jobs of the parent pipeline whose artifacts it gets.
  std::optional<Expression> condition;
  std::vector<std::string> paths;  ///< Skipped unless one of these changed.
  std::vector<std::string> labels;
  Resources resources;
  NetworkMode network = NetworkMode::kBridge;
  bool docker_socket = false;
  Millis timeout{std::chrono::hours(1)};
  RetryPolicy retry;
  AllowFailure allow_failure;
  RunPolicy run = RunPolicy::kOnSuccess;
  std::string refused;  ///< Not empty: it cannot run here, and this is why; it fails at once.
  bool manual = false;
  std::string confirmation;            ///< Asked before a manual job runs.
  std::optional<Millis> start_in;      ///< Waits this long after its needs.
  std::vector<std::string> approvers;  ///< Not empty: waits for one of these.
  bool interruptible = false;
  std::string lock;
  LockMode lock_mode = LockMode::kOldestFirst;
  EnvironmentPlan environment;
  std::string coverage;  ///< A regular expression; the last match in the log is the percentage.
  Value release;         ///< Map: tag_name, name, description, ref, …; null without.
  std::vector<SecretUse> secrets;
  std::vector<ServicePlan> services;
  std::vector<CachePlan> caches;
  std::vector<OutputPlan> outputs;
  ArtifactsPlan artifacts;
  Span origin;
};

enum class ConcurrencyPolicy { kCancel, kQueue };
struct ConcurrencyPlan {
  Template group;
  ConcurrencyPolicy policy = ConcurrencyPolicy::kQueue;
};

enum class Dialect { kNative, kGitlab };

struct Plan {
  std::string name;
  Dialect dialect = Dialect::kNative;
  std::string workspace = "/workspace";  ///< Where the checkout stands in every container.
  std::vector<std::string> stages;       ///< In order; empty where the language has none.
  std::vector<VariablePlan> variables;   ///< Of all jobs.
  /// In file order, matrix instances adjacent; needs form a DAG (checked).
  std::vector<JobPlan> jobs;
  std::optional<ConcurrencyPlan> concurrency;
  bool stop_on_failure = false;  ///< The first failed job cancels all that still run.
  std::vector<std::string>
      missing_inputs;  ///< Inputs without default that a manual event lacks: do not run.
  bool triggered =
      true;  ///< Whether `on:` takes the event it was compiled for (`runner exec` runs it anyway).
};

}  // namespace slipway::pipeline
