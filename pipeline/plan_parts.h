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

/// What stands beside a job's steps: variables, images, services, needs, caches, artifacts, triggers.
namespace slipway::pipeline {

struct EnvEntry {
  std::string name;
  Template value;
  Span origin;
};
/// Later entries win; may refer to `env.X` of earlier ones and outer layers.
using EnvLayer = std::vector<EnvEntry>;

/// Where a variable comes from, weakest first. A stronger one hides weaker ones of its name.
enum class VariableLevel {
  kPredefined,
  kPipeline,
  kJob,
  kDotenv,
  kInstance,
  kGroup,
  kProject,
  kRun
};

/// A variable of a language that writes `$NAME` into keys of the file (`.gitlab-ci.yml`). Their values are known only
/// when the job's needs have ended (dotenv reports), so the plan has them unexpanded: see pipeline/variables.h.
struct VariablePlan {
  std::string name;
  std::string value;
  VariableLevel level = VariableLevel::kJob;
  bool raw = false;     ///< `expand: false`: its value is no template.
  bool file = false;    ///< The environment gets the path of a file that holds the value.
  bool masked = false;  ///< To be hidden in logs.
  Span origin;
};

/// A file beside the workspace that is there before the first step.
struct FilePlan {
  std::string path;  ///< Absolute, in the container.
  std::string content;
};

/// kTryAlways: as kAlways, but what is in the store will do when the registry does not answer.
enum class PullPolicy { kMissing, kAlways, kNever, kTryAlways };

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

/// kStage: only because it stands in an earlier stage. A skipped job or an unplayed manual job that may fail does not
/// hold those back; the others stay skipped with it.
enum class NeedKind { kNamed, kStage };

struct Need {
  std::size_t job = 0;  ///< Index into Plan::jobs.
  std::string name;     ///< The job name as written: all its matrix instances are needed.
  bool optional = false;
  bool artifacts = true;
  NeedKind kind = NeedKind::kNamed;
  Span origin;
};

/// Causes: "failure" (a command failed), "timeout", "agent-lost", "system" (image, network, disk: the engine's own
/// trouble), "always". Empty with empty exit_codes: any failure.
struct RetryPolicy {
  int max = 0;  ///< Extra attempts.
  std::vector<std::string> when;
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

/// kExposed: the first port the image exposes; nothing to wait for when it exposes none, and a warning when it stays
/// closed.
struct ReadyCheck {
  enum class Kind { kTcp, kHttp, kCommand, kExposed };
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

/// When something is kept of a job.
enum class ArtifactsWhen { kOnSuccess, kAlways, kOnFailure };

enum class CachePolicy { kPull, kPush, kBoth };
/// With `key_files` the key is "<key>-<hash of these files>", "<key>-default" when there are none.
struct CachePlan {
  Template key;
  std::vector<std::string> key_files;
  std::vector<Template> fallback;
  std::vector<std::string> paths;
  CachePolicy policy = CachePolicy::kBoth;
  std::string policy_text;  ///< The policy is in this `$NAME` text; settled when the job starts.
  ArtifactsWhen when = ArtifactsWhen::kOnSuccess;
  bool untracked = false;  ///< Also all files git does not track.
  bool unprotect = false;  ///< Shared between protected and other branches.
  Span origin;
};

struct ArtifactsPlan {
  std::vector<std::string> paths;
  std::vector<std::string> exclude;
  std::optional<Millis> expire;  ///< None: as long as the store keeps them.
  ArtifactsWhen when = ArtifactsWhen::kOnSuccess;
  bool untracked = false;  ///< Also all files git does not track.
  std::string name;        ///< Of the archive people download.
  std::string expose_as;
  /// Kind -> globs: "junit", "cobertura", "jacoco", "dotenv" (NAME=value lines: variables of the jobs that need this
  /// one), "codequality", "annotations", …. Kept whatever the result, unlike `paths`.
  std::map<std::string, std::vector<std::string>> reports;
  Span origin;
  bool empty() const { return paths.empty() && reports.empty() && !untracked; }
};

struct OutputPlan {
  std::string name;
  Template value;
  Span origin;
};

enum class LockMode { kOldestFirst, kUnordered, kNewestFirst, kNewestReadyFirst };

enum class EnvironmentAction { kStart, kPrepare, kStop, kVerify, kAccess };
struct EnvironmentPlan {
  std::string name;
  Template url;
  EnvironmentAction action = EnvironmentAction::kStart;
  std::string on_stop;  ///< The job that stops it.
  std::optional<Millis> stop_after;
  std::string tier;
  bool empty() const { return name.empty(); }
};

/// A pipeline file that a trigger brings: of this checkout, or written by a job.
struct TriggerFile {
  std::string path;
  std::string written_by;  ///< The job whose artifact holds it; it is among the needs.
  Span origin;
};
/// kNone: starting it is the job's success. kDepend, kMirror: its result is the job's.
enum class TriggerStrategy { kNone, kDepend, kMirror };
/// A child pipeline in place of steps. Its files are merged as includes are; jobs are named "<job> / <child's job>".
struct TriggerPlan {
  std::vector<TriggerFile> files;
  TriggerStrategy strategy = TriggerStrategy::kNone;
  Value inputs;                   ///< Map: for the child's spec:inputs.
  bool forward_yaml = true;       ///< This job's own variables become the child's.
  bool forward_pipeline = false;  ///< So do those the run was started with.
};

}  // namespace slipway::pipeline
