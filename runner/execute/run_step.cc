// One step: environment, container, output, snapshot, record.
#include "runner/execute/run_step.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>

#include "base/files.h"
#include "base/text.h"
#include "runner/execute/artifact_step.h"
#include "runner/execute/build_step.h"
#include "runner/execute/exchange.h"
#include "runner/execute/layers.h"
#include "runner/execute/output_pump.h"
#include "runner/execute/shell.h"
#include "runner/execute/step_environment.h"
#include "runner/execute/step_memo.h"
#include "runner/execute/step_transfer.h"

namespace slipway::runner {
namespace {

// A script longer than this goes in by a file: one argument may hold 128 KiB (MAX_ARG_STRLEN, execve(2)).
constexpr std::size_t kMaxScriptArgument = std::size_t{96} << 10;
constexpr const char* kScriptPath = "/run/slipway/script";

std::string container_name(const RunContext& run) {
  static std::atomic<unsigned> counter{0};
  return run.run_id + "-" + std::to_string(++counter);
}

/// Everything known before the container is made.
struct Prepared {
  StepImage* image = nullptr;
  StepEnvironment environment;
  std::string cwd;
  std::vector<std::string> argv;
  std::vector<sandbox::Mount> mounts;
};

Result<StepImage*> image_of(const RunContext& run, JobState& state, const StepRequest& request) {
  const pipeline::ImageSpec& spec = request.step.image ? *request.step.image : request.job.image;
  const std::string name =
      SLIP_TRY_WITHIN("evaluate image", spec.name.evaluate_text(state.context(run)));
  if (const auto known = state.images.find(name); known != state.images.end())
    return &known->second;
  const auto progress = make_step_transfer(run, request.job.instance, request.step.id);
  SLIP_TRY(run.images.ensure({name, spec.pull, spec.platform, request.deadline}, progress.get(),
                             request.cancel));
  StepImage image = SLIP_TRY(resolve_image(run.store, name));
  return &state.images.emplace(name, std::move(image)).first->second;
}

Status add_secrets(const RunContext& run, const StepRequest& request, Prepared& prepared) {
  for (const pipeline::SecretUse& use : request.job.secrets) {
    const auto value = run.secrets.values.find(use.name);
    if (value == run.secrets.values.end()) {
      return fail(ErrorCode::kNotFound, "read secret " + use.name + ": not given; use --secret " +
                                            use.name +
                                            " (from the environment) or --secret-file FILE");
    }
    if (!use.file) {
      prepared.environment.set(use.as, value->second);
      continue;
    }
    const std::string path = "/run/secrets/" + use.as;
    prepared.mounts.emplace_back(sandbox::FileMount{path, value->second, 0444});
    prepared.environment.set(use.as, path);
  }
  return {};
}

void set_given_variables(const RunContext& run, const StepRequest& request, StepEnvironment& env) {
  env.set("CI", "true");
  env.set("HOME", "/root");
  env.set("SLIPWAY", "true");
  env.set("SLIPWAY_RUN", run.run_id);
  env.set("SLIPWAY_JOB", request.job.instance);
  env.set("SLIPWAY_STEP", request.step.id);
  env.set("SLIPWAY_WORKSPACE", run.plan.workspace);
  env.set("SLIPWAY_COMMIT", run.event.sha);
  env.set("SLIPWAY_BRANCH", run.event.branch);
  env.set("SLIPWAY_TAG", run.event.tag);
  env.set("SLIPWAY_EVENT", run.event.name);
  env.set("SLIPWAY_REPOSITORY", run.event.repository);
  set_exchange_variables(env);
}

Status compose_environment(const RunContext& run, const JobState& state, const StepRequest& request,
                           Prepared& prepared) {
  StepEnvironment& env = prepared.environment;
  pipeline::EvalContext context = state.context(run);
  env.set("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  env.set_image(prepared.image->config.env);
  set_given_variables(run, request, env);
  context.roots.set("env", env.as_value());
  for (const pipeline::EnvLayer& layer : request.job.env) SLIP_TRY(env.evaluate(layer, context));
  env.set_all(state.carried);
  context.roots.set("env", env.as_value());
  SLIP_TRY(env.evaluate(request.step.env, context));
  for (const auto& [name, value] : run.options.env) env.set(name, value);
  SLIP_TRY(add_secrets(run, request, prepared));
  env.prepend_path(state.path);
  context.roots.set("env", env.as_value());
  SLIP_TRY(env.evaluate(request.step.script, context));
  const std::string workdir =
      SLIP_TRY_WITHIN("evaluate workdir", request.step.workdir.evaluate_text(context));
  prepared.cwd = workdir.starts_with('/') ? workdir
                 : workdir.empty()        ? run.plan.workspace
                                          : run.plan.workspace + "/" + workdir;
  return {};
}

std::string choose_shell(const pipeline::StepPlan& step, const StepImage& image) {
  if (!step.shell.empty()) return step.shell;
  const bool bash = image.host_tools
                        ? path_exists("/usr/bin/bash") || path_exists("/bin/bash")
                        : image.stack.has_file("usr/bin/bash") || image.stack.has_file("bin/bash");
  return bash ? "bash" : "sh";
}

Result<Prepared> prepare(const RunContext& run, JobState& state, const StepRequest& request) {
  Prepared prepared;
  prepared.image = SLIP_TRY(image_of(run, state, request));
  for (const pipeline::FilePlan& file : request.job.files)
    prepared.mounts.emplace_back(sandbox::FileMount{file.path, file.content, 0444});
  SLIP_TRY(compose_environment(run, state, request, prepared));
  const std::string shell = choose_shell(request.step, *prepared.image);
  const std::string& script = request.step.script.text;
  if (script.size() > kMaxScriptArgument) {
    prepared.mounts.emplace_back(sandbox::FileMount{kScriptPath, script, 0444});
    prepared.argv = shell_command(shell, std::string(". ") + kScriptPath);
  } else {
    prepared.argv = shell_command(shell, script);
  }
  return prepared;
}

std::string user_of(const StepRequest& request, const StepImage& image) {
  const pipeline::ImageSpec& spec = request.step.image ? *request.step.image : request.job.image;
  return spec.user.empty() ? image.config.user : spec.user;
}

sandbox::ContainerSpec make_spec(const RunContext& run, const StepRequest& request,
                                 const Prepared& prepared, const StepLayers& layers,
                                 const Exchange& exchange) {
  sandbox::ContainerSpec spec;
  spec.name = container_name(run);
  spec.root.stack = layers.root_overlay();
  spec.root.host_tools = prepared.image->host_tools;
  spec.mounts.emplace_back(sandbox::OverlayMount{layers.work_overlay(), run.plan.workspace});
  spec.mounts.emplace_back(exchange.mount());
  spec.mounts.insert(spec.mounts.end(), prepared.mounts.begin(), prepared.mounts.end());
  spec.process.argv = prepared.argv;
  spec.process.env = prepared.environment.entries();
  spec.process.cwd = prepared.cwd;
  spec.process.user = user_of(request, *prepared.image);
  spec.limits.cpus = request.job.resources.cpus;
  spec.limits.memory = request.job.resources.memory;
  if (request.job.resources.pids) spec.limits.pids = *request.job.resources.pids;
  spec.network = request.job.network == pipeline::NetworkMode::kHost ? sandbox::Network::kHost
                                                                     : sandbox::Network::kNone;
  return spec;
}

StepResult result_of(const sandbox::Outcome& outcome, const Prepared& prepared) {
  StepResult result{status_of(outcome), outcome.shell_code(),
                    outcome.success() ? "" : outcome.describe()};
  if (outcome.cause == sandbox::Outcome::SetupCause::kCommandNotFound) {
    result.reason = "image " + printable(prepared.image->name) + " has no " +
                    printable(prepared.argv.front()) + "; choose another with `shell:`";
  }
  return result;
}

/// What a step wrote for later ones comes into effect; in an earlier run or just now.
void take_written(const RunContext& run, JobState& state, const StepRequest& request,
                  const ExchangeResult& written, StepRecord& record) {
  pipeline::Value outputs{pipeline::Value::Map{}};
  for (const auto& [name, value] : written.outputs) outputs.set(name, run.secrets.mask.mask(value));
  record.outputs = outputs;
  for (const auto& assignment : written.env) {
    if (reserved_variable(assignment.first)) {
      run.notice("step " + request.step.id + " may not set " + assignment.first +
                     " for later steps; ignored",
                 request.job.instance);
      continue;
    }
    state.carried.push_back(assignment);
  }
  state.path.insert(state.path.end(), written.path.begin(), written.path.end());
  record.summary = run.secrets.mask.mask(to_valid_utf8(written.summary));
}

void publish_outputs(JobState& state, const std::string& id, RunStatus status,
                     const pipeline::Value& outputs) {
  pipeline::Value entry =
      outputs.map() != nullptr ? outputs : pipeline::Value(pipeline::Value::Map{});
  const pipeline::Value plain = entry;
  entry.set("outputs", plain);
  entry.set("result", result_word(status));
  state.steps.set(id, std::move(entry));
}

StepRecord make_record(const RunContext& run, const StepRequest& request,
                       const Prepared& prepared) {
  StepRecord record;
  record.job = request.job.instance;
  record.step = request.step.id;
  record.name = request.step.name;
  record.image = prepared.image->name;
  record.host_tools = prepared.image->host_tools;
  record.bridge = request.job.network == pipeline::NetworkMode::kBridge;
  record.cwd = prepared.cwd;
  for (const auto& [name, value] : prepared.environment.values()) {
    if (run.secrets.mask.mask(value) == value) record.env.emplace_back(name, value);
  }
  return record;
}

Result<sandbox::Outcome> run_container(const RunContext& run, JobState& state,
                                       const StepRequest& request, sandbox::ContainerSpec spec,
                                       MemoLog* log) {
  const std::string& network = state.network;
  OutputPump pump(run.events, run.secrets.mask,
                  OutputPump::Source{request.job.instance, request.step.id, ""});
  SLIP_TRY(pump.open());
  if (log != nullptr || state.coverage)
    pump.set_listener([log, &state](const auto& stream, const auto& line) {
      if (log != nullptr) log->add(stream, line);
      if (state.coverage) state.coverage->line(line);
    });
  spec.process.stdout_fd = pump.stdout_fd();
  spec.process.stderr_fd = pump.stderr_fd();
  std::unique_ptr<sandbox::NetworkSession> session;  // outlives the container
  if (request.job.network == pipeline::NetworkMode::kBridge || !network.empty()) {
    session = SLIP_TRY(run.network.join(spec, {network, {}}));
  }
  Result<std::unique_ptr<sandbox::Container>> container = run.engine.start(spec);
  pump.start();
  if (!container) return fail(std::move(container).error());
  const sandbox::Outcome outcome =
      (*container)->wait(request.cancel, request.deadline, sandbox::StopPolicy{});
  container->reset();
  pump.finish();
  return outcome;
}

/// The rest of a record, and the journal: the same for what ran and what was reused.
void note_step(const RunContext& run, JobState& state, const StepRequest& request,
               const StepImage& image, StepRecord& record) {
  publish_outputs(state, request.step.id, record.status, record.outputs);
  record.root_stack = image.stack.ids();
  record.work_stack = state.work.ids();
  record.carried = state.carried;
  record.path = state.path;
  run.journal.add(record);
}

bool any_secret(const RunContext& run, const ExchangeResult& written) {
  const auto secret = [&](const auto& pair) {
    return run.secrets.mask.mask(pair.second) != pair.second;
  };
  return std::any_of(written.outputs.begin(), written.outputs.end(), secret) ||
         std::any_of(written.env.begin(), written.env.end(), secret) ||
         run.secrets.mask.mask(written.summary) != written.summary;
}

std::string top_if_grown(const Stack& stack, std::size_t before) {
  return stack.snapshots().size() > before ? stack.snapshots().back().id : "";
}

/// What of a finished step is kept so that it need not run again.
struct Kept {
  const StepMemo* memo = nullptr;
  MemoLog log;
  MemoResult result;
};

void keep_memo(const RunContext& run, const StepRequest& request, Kept& kept) {
  std::string why;
  if (!kept.log.complete()) why = "it printed more than 4 MiB";
  if (any_secret(run, kept.result.written)) why = "it hands on a secret";
  if (why.empty()) {
    kept.result.log = kept.log.lines();
    if (const Status done = kept.memo->keep(run, request, kept.result); !done)
      why = done.error().text();
  }
  if (!why.empty())
    run.notice("step " + request.step.id + " is not memoised: " + why, request.job.instance);
}

Result<StepResult> run_prepared(const RunContext& run, JobState& state, const StepRequest& request,
                                Prepared& prepared, const StepMemo* memo) {
  Stack& root = prepared.image->stack;
  const std::size_t root_before = root.snapshots().size();
  const std::size_t work_before = state.work.snapshots().size();
  StepLayers layers = SLIP_TRY(StepLayers::begin(run.store, root, state.work));
  const Exchange exchange = SLIP_TRY(Exchange::make(run.run_dir));
  const sandbox::ContainerSpec spec = make_spec(run, request, prepared, layers, exchange);
  Kept kept{memo, {}, {}};
  const MonoTime start = real_clock().mono();
  const sandbox::Outcome outcome =
      SLIP_TRY(run_container(run, state, request, spec, memo != nullptr ? &kept.log : nullptr));
  kept.result.seconds = std::chrono::duration<double>(real_clock().mono() - start).count();
  StepResult result = result_of(outcome, prepared);

  const bool keeps = memo != nullptr && result.status == RunStatus::kSucceeded;
  SLIP_TRY(layers.commit(root, state.work,
                         keeps ? StepLayers::Keep::kAsMemo : StepLayers::Keep::kWithRuns));
  StepRecord record = make_record(run, request, prepared);
  record.user = spec.process.user;
  if (memo != nullptr) record.memo = memo->verdict();
  Result<ExchangeResult> written = exchange.collect();
  if (written) {
    take_written(run, state, request, *written, record);
    kept.result.written = *std::move(written);
  } else if (result.status == RunStatus::kSucceeded) {
    result = {RunStatus::kFailed, 1, std::move(written).error().text()};
  }
  record.status = result.status;
  result.summary = record.summary;
  note_step(run, state, request, *prepared.image, record);
  if (keeps && result.status == RunStatus::kSucceeded) {
    kept.result.root_layer = top_if_grown(root, root_before);
    kept.result.work_layer = top_if_grown(state.work, work_before);
    keep_memo(run, request, kept);
  }
  if (!counts_as_success(result.status) && run.options.shell_on_failure) {
    shell_in_failed_step(run, record, root, state, spec);
  }
  return result;
}

/// Steps without a container of their own leave the stacks as they are, and outputs.
void record_special(const RunContext& run, JobState& state, const StepRequest& request,
                    const Prepared& prepared, RunStatus status, pipeline::Value outputs) {
  StepRecord record = make_record(run, request, prepared);
  record.status = status;
  record.outputs = std::move(outputs);
  note_step(run, state, request, *prepared.image, record);
}

void say(const RunContext& run, const StepRequest& request, const std::string& stream,
         const std::string& line) {
  Event event;
  event.kind = Event::Kind::kLog;
  event.job = request.job.instance;
  event.step = request.step.id;
  event.stream = stream;
  event.line = line;
  run.events.emit(std::move(event));
}

/// The step's result of an earlier run, as if it had run now.
StepResult reuse(const RunContext& run, JobState& state, const StepRequest& request,
                 Prepared& prepared, const StepMemo& memo) {
  const MemoResult& known = *memo.known();
  for (const auto& [stream, line] : known.log) {
    if (state.coverage) state.coverage->line(line);
    say(run, request, stream, line);
  }
  say(run, request, "slipway",
      memo.verdict() + "; it took " +
          format_duration(Millis(static_cast<std::int64_t>(known.seconds * 1000))) + " then");
  for (const cachestore::Snapshot& layer : memo.layers()) {
    if (layer.id == known.root_layer) prepared.image->stack.push(layer);
    if (layer.id == known.work_layer) state.work.push(layer);
  }
  StepRecord record = make_record(run, request, prepared);
  record.user = user_of(request, *prepared.image);
  record.memo = memo.verdict();
  take_written(run, state, request, known.written, record);
  note_step(run, state, request, *prepared.image, record);
  StepResult result;
  result.summary = record.summary;
  return result;
}

Result<StepResult> run_memoised(const RunContext& run, JobState& state, const StepRequest& request,
                                Prepared& prepared) {
  const Result<StepMemo> memo = StepMemo::ask(run, state, request,
                                              {*prepared.image, prepared.environment, prepared.argv,
                                               prepared.cwd, user_of(request, *prepared.image)});
  if (!memo) {
    run.notice("step " + request.step.id + " is not memoised: " + memo.error().text(),
               request.job.instance);
    return run_prepared(run, state, request, prepared, nullptr);
  }
  if (memo->known()) return reuse(run, state, request, prepared, *memo);
  say(run, request, "slipway", memo->verdict());
  return run_prepared(run, state, request, prepared, &*memo);
}

Result<StepResult> run_artifact(const RunContext& run, JobState& state,
                                const StepRequest& request) {
  Prepared prepared;
  prepared.image = SLIP_TRY(image_of(run, state, request));
  prepared.cwd = run.plan.workspace;
  const PushedArtifact pushed = SLIP_TRY(push_step_artifact(run, state, request));
  record_special(
      run, state, request, prepared, RunStatus::kSucceeded,
      pipeline::Value(pipeline::Value::Map{{"digest", pushed.digest.str()},
                                           {"name", run.secrets.mask.mask(pushed.name)}}));
  return StepResult{};
}

Result<StepResult> run_build(const RunContext& run, JobState& state, const StepRequest& request) {
  Prepared prepared;
  prepared.image = SLIP_TRY(image_of(run, state, request));
  prepared.cwd = run.plan.workspace;
  const StepBuild built = SLIP_TRY(build_step_image(run, state, request));
  record_special(
      run, state, request, prepared, built.result.status,
      pipeline::Value(pipeline::Value::Map{{"id", built.id},
                                           {"digest", built.digest},
                                           {"name", run.secrets.mask.mask(built.name)}}));
  return built.result;
}

}  // namespace

StepResult engine_failure(const Error& error) {
  if (error.code() == ErrorCode::kCancelled) return {RunStatus::kCancelled, 130, "cancelled"};
  if (error.code() == ErrorCode::kTimeout) return {RunStatus::kTimedOut, 125, error.text()};
  return {RunStatus::kError, 125, error.text()};
}

StepResult run_step(const RunContext& run, JobState& state, const StepRequest& request) {
  if (request.step.kind == pipeline::StepKind::kArtifact) {
    const Result<StepResult> result = run_artifact(run, state, request);
    return result ? *result : engine_failure(result.error());
  }
  if (request.step.kind == pipeline::StepKind::kBuild) {
    const Result<StepResult> result = run_build(run, state, request);
    return result ? *result : engine_failure(result.error());
  }
  Result<Prepared> prepared = prepare(run, state, request);
  if (!prepared) return engine_failure(prepared.error());
  Result<StepResult> result = StepMemo::asked(request.step)
                                  ? run_memoised(run, state, request, *prepared)
                                  : run_prepared(run, state, request, *prepared, nullptr);
  if (!result) return engine_failure(result.error());
  return *result;
}

}  // namespace slipway::runner
