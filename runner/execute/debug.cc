// `runner debug RUN/JOB[/STEP]`, `runner debug BUILD`: a shell where a step of an earlier run or build stopped.
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "runner/build/records.h"
#include "runner/execute/exec.h"
#include "runner/execute/journal.h"
#include "runner/execute/shell.h"
#include "sandbox/engine.h"

namespace slipway::runner {
namespace {

/// "RUN/JOB/STEP" where a job's name may hold slashes itself.
struct Target {
  std::string run;
  std::string rest;
};
Target split_target(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return {text, ""};
  return {text.substr(0, slash), text.substr(slash + 1)};
}

bool failed(const StepRecord& step) {
  return !counts_as_success(step.status) && step.status != RunStatus::kSkipped;
}

/// Without a job: the failed step of the run, or its last. With a job: likewise in the job.
const StepRecord* choose_step(const RunRecord& run, const std::string& rest) {
  const StepRecord* last = nullptr;
  const StepRecord* last_failed = nullptr;
  for (const StepRecord& step : run.steps) {
    const bool exact = rest == step.job + "/" + step.step || rest == step.job + "/" + step.name;
    if (!rest.empty() && rest != step.job && !exact) continue;
    last = &step;
    if (failed(step)) last_failed = &step;
  }
  return last_failed != nullptr ? last_failed : last;
}

std::vector<std::string> texts_of(const Json& list) {
  std::vector<std::string> texts;
  for (const Json& item : list.items()) texts.emplace_back(item.string_or(""));
  return texts;
}

/// Where a step of a build stopped: what the steps before it made, and what its command wrote.
Result<int> debug_build(cachestore::Store& store, const Json& build, const CancelToken& cancel) {
  const Json& failed = build["failed"];
  if (failed.is_null()) {
    return fail(ErrorCode::kNotFound, "debug build " + printable(build["id"].string_or("")) +
                                          ": no command of it failed; look into its image with "
                                          "runner run -it IMAGE sh");
  }
  const Stack root = SLIP_TRY_WITHIN("debug build", Stack::load(store, texts_of(failed["stack"])));
  Stack work;
  work.push(SLIP_TRY(empty_base(store)));
  const auto engine = SLIP_TRY(sandbox::Engine::open({.store_root = store.root()}));
  sandbox::ContainerSpec spec;
  spec.name = "debug-" + std::to_string(::getpid());
  spec.process.cwd = failed["cwd"].string_or("/");
  spec.process.user = failed["user"].string_or("");
  spec.process.env = texts_of(failed["env"]);
  const std::string intro =
      "build " + printable(build["id"].string_or("")) + ", in " +
      printable(failed["step"].string_or("")) + " (exit code " +
      std::to_string(failed["exit_code"].int_or(1)) +
      "); mounts and secrets are not there, changes are thrown away\nits command: " +
      printable(shell_join(texts_of(failed["command"]))) + "\n";
  (void)write_all(STDERR_FILENO, intro, "stderr");
  const JobNetwork network = JobNetwork::open(store.root());
  return interactive_shell(store, *engine, &network, {}, root, work, spec, cancel);
}

Result<int> debug(const std::string& state_dir, const std::string& text,
                  const CancelToken& cancel) {
  SLIP_TRY(sandbox::enter_engine_namespaces());
  const auto store = SLIP_TRY(cachestore::Store::open({.root = state_dir}));
  const std::string runs_dir = store->root() + "/runs";
  const Target target = split_target(text);
  const Result<std::string> resolved = resolve_run(runs_dir, target.run);
  if (!resolved && resolved.error().code() == ErrorCode::kNotFound) {
    if (const auto build = BuildRecords(store->root()).find_build(text))
      return debug_build(*store, *build, cancel);
  }
  if (!resolved) return fail(resolved.error().clone());
  const std::string& id = *resolved;
  const RunRecord run = SLIP_TRY(read_run(runs_dir, id));
  const StepRecord* step = choose_step(run, target.rest);
  if (step == nullptr) {
    return fail(ErrorCode::kNotFound,
                "debug " + printable(text) + ": run " + id + " has no such job or step");
  }
  const Stack root = SLIP_TRY(Stack::load(*store, step->root_stack));
  const Stack work = SLIP_TRY(Stack::load(*store, step->work_stack));
  const auto engine = SLIP_TRY(sandbox::Engine::open({.store_root = store->root()}));

  sandbox::ContainerSpec spec;
  spec.name = "debug-" + std::to_string(::getpid());
  spec.root.host_tools = step->host_tools;
  spec.mounts.emplace_back(sandbox::OverlayMount{{}, "/workspace"});
  spec.process.cwd = step->cwd;
  spec.process.user = step->user;
  for (const auto& [name, value] : step->env) spec.process.env.push_back(name + "=" + value);
  const std::string intro = "run " + id + ", job " + printable(step->job) + ", after step " +
                            printable(step->step) + " (" +
                            std::string(run_status_name(step->status)) +
                            "); secrets are not set, changes are thrown away\n";
  (void)write_all(STDERR_FILENO, intro, "stderr");
  const JobNetwork network = step->bridge ? JobNetwork::open(store->root()) : JobNetwork();
  return interactive_shell(*store, *engine, &network, {}, root, work, spec, cancel);
}

}  // namespace

int debug_step(const std::string& state_dir, const std::string& target, const CancelToken& cancel) {
  const Result<int> code = debug(state_dir, target, cancel);
  if (code) return *code;
  (void)write_all(STDERR_FILENO, "runner: error: " + code.error().text() + "\n", "stderr");
  return exit_code(code.error().code());
}

}  // namespace slipway::runner
