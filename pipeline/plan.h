#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/units.h"
#include "pipeline/expression.h"
#include "pipeline/source.h"
#include "pipeline/value.h"

namespace slipway::pipeline {

/// Everything `runner exec`, the server and every front-end agree on: what is to be run, with all templates,
/// matrices and defaults resolved. What can only be known while running (env values, conditions, names of
/// outputs) stays as Expression or Template.

struct EnvEntry {
  std::string name;
  Template value;
  Span origin;
};
using EnvLayer = std::vector<
    EnvEntry>;  ///< Later entries win; may refer to `env.X` of earlier ones and outer layers.

enum class PullPolicy { kMissing, kAlways, kNever };

/// `image: host` is a sandbox over the machine's own /usr.
struct ImageSpec {
  Template name = Template("host");
  PullPolicy pull = PullPolicy::kMissing;
  std::string platform;
  std::string user;
  std::optional<std::vector<std::string>> entrypoint;
  Span origin;
  bool is_host() const { return name.is_literal() && name.source() == "host"; }
};

enum class NetworkMode { kBridge, kNone, kHost };

struct Resources {
  std::optional<double> cpus;
  std::optional<ByteCount> memory;
  std::optional<std::int64_t> pids;
  std::optional<ByteCount> disk;
};

enum class StepKind { kRun, kBuild, kArtifact, kDeploy };
/// When a step runs: after only successes, whatever happened, or only after a failure.
enum class StepWhen { kOnSuccess, kAlways, kOnFailure };

struct StepPlan {
  std::string id;    ///< Unique in the job: the author's `id`, else "step-<n>" (1-based).
  std::string name;  ///< Shown: `name`, else the first line of the script.
  StepKind kind = StepKind::kRun;
  Script script;  ///< kRun.
  Value
      settings;  ///< kBuild, kArtifact, kDeploy: the step's map, checked for shape, not evaluated.
  std::optional<ImageSpec> image;  ///< Another image than the job's.
  EnvLayer env;
  Template workdir;   ///< Empty: the workspace. Relative to the workspace.
  std::string shell;  ///< "bash", "sh", …; empty: bash where the image has it, else sh.
  std::optional<Millis> timeout;
  std::optional<Expression> condition;
  StepWhen when = StepWhen::kOnSuccess;
  bool memo = false;
  std::vector<std::string> inputs;
  Span origin;
};

struct Need {
  std::size_t job = 0;  ///< Index into Plan::jobs.
  std::string name;     ///< The job name as written: all its matrix instances are needed.
  bool optional = false;
  bool artifacts = true;
  Span origin;
};

struct RetryPolicy {
  int max = 0;  ///< Extra attempts.
  std::vector<std::string>
      when;  ///< "agent-lost", "timeout", "failure"; empty with empty exit_codes: any failure.
  std::vector<int> exit_codes;
};

struct AllowFailure {
  bool any = false;
  std::vector<int> exit_codes;
};

struct SecretUse {
  std::string name;
  std::string as;  ///< Environment name (of the value, or of the file's path).
  bool file = false;
  Span origin;
};

struct ReadyCheck {
  enum class Kind { kTcp, kHttp, kCommand };
  Kind kind = Kind::kTcp;
  std::string target;  ///< Port, URL path with port, or shell command.
  Millis every{1000};
  Millis within{30000};
};

struct ServicePlan {
  std::string name;
  std::vector<std::string> aliases;
  ImageSpec image;
  EnvLayer env;
  std::optional<std::vector<std::string>> command;
  std::optional<std::vector<std::string>> entrypoint;
  std::string user;
  Resources resources;
  std::optional<ReadyCheck> ready;
  Span origin;
};

enum class CachePolicy { kPull, kPush, kBoth };
struct CachePlan {
  Template key;
  std::vector<Template> fallback;
  std::vector<std::string> paths;
  CachePolicy policy = CachePolicy::kBoth;
  Span origin;
};

enum class ArtifactsWhen { kOnSuccess, kAlways, kOnFailure };
struct ArtifactsPlan {
  std::vector<std::string> paths;
  std::vector<std::string> exclude;
  std::optional<Millis> expire;
  ArtifactsWhen when = ArtifactsWhen::kOnSuccess;
  std::map<std::string, std::vector<std::string>> reports;  ///< kind -> globs.
  Span origin;
};

struct OutputPlan {
  std::string name;
  Template value;
  Span origin;
};

struct JobPlan {
  std::string name;      ///< As in the file: "build".
  std::string instance;  ///< Unique in the plan and shown: "build" or "build (gcc, x86)".
  Value matrix;          ///< Map of this instance's values; null without a matrix.
  Value inputs;          ///< Map: the event's inputs, with the defaults of `on: manual: inputs`.
  std::size_t matrix_group = 0;  ///< Same number for all instances of one job.
  std::optional<int> max_parallel;
  bool fail_fast = true;

  ImageSpec image;
  std::vector<EnvLayer> env;  ///< Outer first: pipeline, job.
  std::vector<StepPlan> steps;
  std::vector<Need> needs;
  std::optional<Expression> condition;
  std::vector<std::string> paths;  ///< Skipped unless one of these changed.
  std::vector<std::string> labels;
  Resources resources;
  NetworkMode network = NetworkMode::kBridge;
  bool docker_socket = false;
  Millis timeout{std::chrono::hours(1)};
  RetryPolicy retry;
  AllowFailure allow_failure;
  bool always = false;  ///< Runs whatever its needs did.
  bool manual = false;
  std::vector<std::string> approvers;  ///< Not empty: waits for one of these.
  bool interruptible = false;
  std::string lock;
  std::string environment;
  Template environment_url;
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

struct Plan {
  std::string name;
  std::vector<JobPlan>
      jobs;  ///< In file order, matrix instances adjacent; needs form a DAG (checked).
  std::optional<ConcurrencyPlan> concurrency;
  std::vector<std::string>
      missing_inputs;  ///< Inputs without default that a manual event lacks: do not run.
  bool triggered =
      true;  ///< Whether `on:` takes the event it was compiled for (`runner exec` runs it anyway).
};

}  // namespace slipway::pipeline
