// `runner exec`: from options to an exit code.
#include "runner/execute/exec.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <thread>

#include "base/files.h"
#include "base/sys.h"
#include "base/text.h"
#include "runner/execute/changed_paths.h"
#include "runner/execute/housekeeping.h"
#include "runner/execute/job_rules.h"
#include "runner/execute/named_lock.h"
#include "runner/execute/run_lock.h"
#include "runner/execute/run_pipeline.h"
#include "sandbox/engine.h"

namespace slipway::runner {
namespace {

void say(const std::string& text) { (void)write_all(STDERR_FILENO, text, "stderr"); }

int report(const Error& error) {
  say("runner: error: " + error.text() + "\n");
  return exit_code(error.code());
}

/// Hands the second Ctrl-C (and only that) on to the clean-up steps' token.
class KillForwarder {
 public:
  KillForwarder(const CancelToken& from, const CancelToken& to)
      : thread_([from, to, done = done_] {
          for (;;) {
            std::array<pollfd, 2> polls{pollfd{from.poll_fd(CancelLevel::kKill), POLLIN, 0},
                                        pollfd{done.poll_fd(), POLLIN, 0}};
            if (::poll(polls.data(), polls.size(), -1) < 0) continue;
            if (polls[0].revents != 0) to.cancel(CancelLevel::kKill);
            return;
          }
        }) {}
  ~KillForwarder() {
    done_.cancel(CancelLevel::kTerminate);
    thread_.join();
  }
  KillForwarder(const KillForwarder&) = delete;
  KillForwarder& operator=(const KillForwarder&) = delete;

 private:
  CancelToken done_;
  std::thread thread_;
};

std::optional<std::string> environment_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

/// What the registry client has to say, as notices of the run.
Accounts::Warn notices_of(EventStream& events) {
  return [&events](const std::string& text) {
    Event event;
    event.kind = Event::Kind::kNotice;
    event.line = text;
    events.emit(std::move(event));
  };
}

Result<ResumeSelection> select(const ExecOptions& options, const pipeline::Plan& plan,
                               const std::string& runs_dir, const std::string& file) {
  if (options.from_step.empty()) return select_jobs(plan, options.jobs, options.no_needs);
  for (const std::string& id : SLIP_TRY(list_runs(runs_dir))) {
    const Result<RunRecord> run = read_run(runs_dir, id);
    if (run && run->file == file) return select_from(plan, options.from_step, *run);
  }
  return fail(ErrorCode::kNotFound,
              "resume from " + printable(options.from_step) + ": this pipeline has not run yet");
}

Result<Workspace> take_workspace(const ExecOptions& options, const SourceState& state,
                                 cachestore::Store& store, const CancelToken& cancel) {
  if (!options.commit.empty()) return snapshot_commit(state, options.commit, store, cancel);
  return snapshot_work_tree(state, store, cancel);
}

/// Whatever is wrong with the store is the machine's trouble, not a thing the person named and that does not exist.
Result<std::shared_ptr<cachestore::Store>> open_store(const std::string& root) {
  Result<std::shared_ptr<cachestore::Store>> store = cachestore::Store::open({.root = root});
  if (store || store.error().code() != ErrorCode::kNotFound) return store;
  return fail(ErrorCode::kUnavailable, store.error().text(), store.error().sys_errno());
}

Status add_sinks(const ExecOptions& options, const std::string& display_path, EventStream& events) {
  ProgressOptions progress = options.progress;
  if (progress.repeat_command.empty())
    progress.repeat_command = "runner exec " + shell_quote(display_path);
  events.add(make_progress_sink(progress, real_clock()));
  if (!options.events_file.empty()) events.add(SLIP_TRY(make_json_file_sink(options.events_file)));
  return {};
}

/// `concurrency`: one run of a group at a time on this machine; the later one waits, or ends the earlier one.
Result<NamedLock> join_group(const ExecOptions& options, const LoadedPipeline& loaded,
                             const std::string& store_root, const std::string& run_id,
                             EventStream& events, const CancelToken& cancel) {
  const pipeline::Plan& plan = *loaded.compiled.plan;
  if (!plan.concurrency || options.no_concurrency) return NamedLock();
  pipeline::EvalContext context;
  context.roots = pipeline::base_context(loaded.event, nullptr);
  const std::string group =
      SLIP_TRY_WITHIN("evaluate concurrency group", plan.concurrency->group.evaluate_text(context));
  const bool ends = plan.concurrency->policy == pipeline::ConcurrencyPolicy::kCancel;
  return NamedLock::acquire({store_root, "group", loaded.source.root + '\0' + group, run_id},
                            cancel, [&](const NamedLock::Holder& holder) {
                              Event event;
                              event.kind = Event::Kind::kNotice;
                              event.line = std::string(ends ? "ends run " : "waits for run ") +
                                           printable(holder.run_id) + " of group " +
                                           printable(group);
                              events.emit(std::move(event));
                              if (ends) interrupt(holder);
                            });
}

/// --changed-since: what changed() and `paths` go by.
Status note_changes(const ExecOptions& options, LoadedPipeline& loaded, const Workspace& workspace,
                    cachestore::Store& store, const CancelToken& cancel) {
  if (options.changed_since.empty()) return {};
  const Workspace before =
      SLIP_TRY_WITHIN("option --changed-since",
                      snapshot_commit(loaded.source, options.changed_since, store, cancel));
  loaded.event.changed_paths =
      SLIP_TRY(changed_paths(before.snapshot.path, workspace.snapshot.path, cancel));
  loaded.event.changed_known = true;
  return {};
}

Result<int> run_loaded(const ExecOptions& options, LoadedPipeline& loaded,
                       const CancelToken& cancel) {
  const Secrets secrets = SLIP_TRY(load_secrets(options.secret_file, options.secret_env));
  const std::string run_id = new_run_id();
  EventStream events(real_clock(), run_id);
  RegistryAccess access(environment_variable, {}, notices_of(events), cancel);
  SLIP_TRY(sandbox::enter_engine_namespaces());
  const std::shared_ptr<cachestore::Store> store = SLIP_TRY(open_store(options.state_dir));
  const std::string runs_dir = store->root() + "/runs";
  const std::string file = loaded.source.root + "//" + loaded.display_path;
  const pipeline::Plan& plan = *loaded.compiled.plan;
  const ResumeSelection selection = SLIP_TRY(select(options, plan, runs_dir, file));
  const Workspace workspace = SLIP_TRY(take_workspace(options, loaded.source, *store, cancel));
  const std::unique_ptr<sandbox::Engine> engine =
      SLIP_TRY(sandbox::Engine::open({.store_root = store->root()}));

  const JobNetwork network = wants_bridge(plan) ? JobNetwork::open(store->root()) : JobNetwork();
  const std::string run_dir = runs_dir + "/" + run_id;
  RunRecord head;
  head.file = file;
  head.source_root = loaded.source.root;
  head.commit = workspace.state.commit;
  Journal journal = SLIP_TRY(Journal::create(run_dir, head));
  const Fd alive = SLIP_TRY(hold_run(run_dir));
  const cachestore::Lease lease = SLIP_TRY(store->lease({workspace.snapshot.id}));
  SLIP_TRY(add_sinks(options, loaded.display_path, events));
  Person person(events, options.ask ? person_is_here() : Person::Asks::kNo);
  const Result<NamedLock> group =
      join_group(options, loaded, store->root(), run_id, events, cancel);
  if (!group) return fail(group.error().clone());
  SLIP_TRY(note_changes(options, loaded, workspace, *store, cancel));
  ImageSource images(*store, access);
  const Caches caches = SLIP_TRY(Caches::open(*store, options.cache_size));
  const auto host =
      make_eval_host(workspace, loaded.event.changed_paths, loaded.event.changed_known);
  const CancelToken cleanup;
  const KillForwarder forwarder(cancel, cleanup);
  const RunContext run{.run_id = run_id,
                       .run_dir = run_dir,
                       .options = options,
                       .plan = plan,
                       .event = loaded.event,
                       .workspace = workspace,
                       .host = *host,
                       .secrets = secrets,
                       .store = *store,
                       .images = images,
                       .caches = caches,
                       .cache_scopes = CacheScopes::local(),
                       .engine = *engine,
                       .network = network,
                       .events = events,
                       .person = person,
                       .journal = journal,
                       .cancel = cancel,
                       .cleanup = cleanup};
  const auto results = run_pipeline(run, selection);
  events.close();
  tidy_old_runs(*store, runs_dir);
  return exit_code_of(results, cancel);
}

}  // namespace

int exec_pipeline(const ExecOptions& options, const CancelToken& cancel) {
  Result<LoadedPipeline> loaded = load_pipeline(options);
  if (!loaded) return report(loaded.error());
  const pipeline::Compiled& compiled = loaded->compiled;
  if (!compiled.diagnostics.empty()) {
    say(render(compiled.diagnostics, compiled.sources,
               options.progress.colour ? pipeline::Colour::kYes : pipeline::Colour::kNo));
  }
  if (!compiled.plan) return exit_code(ErrorCode::kInvalid);
  if (!compiled.plan->missing_inputs.empty()) {
    return report(Error(ErrorCode::kInvalid,
                        "run " + printable(loaded->display_path) + ": inputs without a value: " +
                            printable(join(compiled.plan->missing_inputs, ", ")) +
                            "; give them with --input NAME=VALUE"));
  }
  const Result<int> code = run_loaded(options, *loaded, cancel);
  return code ? *code : report(code.error());
}

}  // namespace slipway::runner
