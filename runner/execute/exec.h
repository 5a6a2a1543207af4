#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "pipeline/compile.h"
#include "runner/logs/sinks.h"
#include "runner/source/workspace.h"

namespace slipway::runner {

/// `runner exec`: everything the command line can say about one local run.
struct ExecOptions {
  std::string file;               ///< A pipeline file or a directory; empty: the current directory.
  std::vector<std::string> jobs;  ///< --job: only these (names or instances) and what they need.
  bool no_needs = false;          ///< --no-needs: with --job, not what they need.
  std::string from_step;  ///< --from: resume at STEP (id or JOB/STEP) from the last run's snapshot.
  bool shell_on_failure = false;
  bool allow_host_network =
      false;  ///< Else a job with `network: host` is refused: the file may be a stranger's.
  std::string commit;  ///< --commit REV: that commit instead of the work tree.
  int parallel = 0;    ///< --jobs N; 0: number of processors.
  std::vector<std::pair<std::string, std::string>>
      env;  ///< --env NAME=value: over the pipeline's own.
  std::vector<std::pair<std::string, std::string>> inputs;
  std::string event;   ///< Empty: manual; push for a `.gitlab-ci.yml`.
  std::string branch;  ///< --branch, --tag: pretend.
  std::string tag;
  std::string secret_file;              ///< NAME=value lines, mode checked.
  std::vector<std::string> secret_env;  ///< --secret NAME: taken from runner's own environment.
  std::string events_file;
  std::string
      artifacts_dir;  ///< --artifacts DIR; default <checkout>/.slipway/artifacts is not written:
                      ///< kept in the store.
  ByteCount cache_size = 20_GiB;      ///< What caches may take before the least recently used go.
  std::vector<std::string> manual;    ///< --manual: these manual jobs run.
  std::vector<std::string> approved;  ///< --approve: these jobs have their approval.
  bool ask = true;                    ///< At a terminal, ask for what waits for a person.
  bool no_concurrency = false;        ///< Waits for no other run and ends none.
  bool no_delay = false;              ///< Delayed jobs start at once.
  bool fail_fast = false;             ///< The first failed job cancels the others.
  std::string
      changed_since;     ///< A commit: what differs from it counts as changed. Empty: everything.
  bool no_memo = false;  ///< Steps with `memo` run again; what they leave is kept.
  ProgressOptions progress;
  std::string state_dir;
};

/// Runs and reports; returns the process's exit code (0, 1, 2, 3, 6, 130).
int exec_pipeline(const ExecOptions& options, const CancelToken& cancel);

/// Finds and compiles the pipeline file `options` names (for exec, check, graph, list, preview). The error is
/// kNotFound with the places looked at; diagnostics are in the value.
struct LoadedPipeline {
  pipeline::Compiled compiled;
  pipeline::Event event;
  std::string display_path;
  SourceState source;  ///< Of the directory the file is in.
};
Result<LoadedPipeline> load_pipeline(const ExecOptions& options);

/// `runner debug RUN/JOB[/STEP]`: an interactive shell in the state that step left (or failed in). RUN "last" or empty
/// means the newest run.
int debug_step(const std::string& state_dir, const std::string& target, const CancelToken& cancel);

/// `runner why-miss RUN/JOB[/STEP]`: what stood against reusing an earlier result of memoised steps, a line each; the
/// newest run when RUN is "last" or the target empty. kNotFound: no such step. Reads the journal only.
Result<std::string> explain_memo(const std::string& state_dir, const std::string& target);

}  // namespace slipway::runner
