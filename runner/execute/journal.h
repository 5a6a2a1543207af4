#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/guarded.h"
#include "base/json.h"
#include "base/result.h"
#include "runner/execute/job_result.h"

namespace slipway::runner {

/// What a finished step left: enough to go on after it or to open a shell in it. Snapshot ids, bottom first.
struct StepRecord {
  std::string job;
  std::string step;
  std::string name;
  RunStatus status = RunStatus::kSucceeded;
  std::string image;  ///< Name; "host" for the machine's tools.
  bool host_tools = false;
  bool bridge = false;                  ///< It was on the network of jobs.
  std::vector<std::string> root_stack;  ///< After the step.
  std::vector<std::string> work_stack;  ///< After the step; front() is the checkout.
  std::vector<std::pair<std::string, std::string>>
      env;  ///< What the step saw, without values that hold a secret.
  std::vector<std::pair<std::string, std::string>> carried;  ///< From SLIPWAY_ENV, for later steps.
  std::vector<std::string> path;                             ///< From SLIPWAY_PATH.
  pipeline::Value outputs;
  std::string cwd;
  std::string user;
  std::string summary;  ///< What it wrote to $SLIPWAY_SUMMARY, masked.
  std::string
      memo;  ///< For `why-miss`: whether an earlier result was reused, or what stood against it.
};

struct JobRecord {
  std::string job;
  JobResult result;
};

/// Everything known of one run.
struct RunRecord {
  std::string id;
  std::string file;  ///< Absolute path of the pipeline file.
  std::string source_root;
  std::string commit;
  std::vector<StepRecord> steps;
  std::vector<JobRecord> jobs;

  const StepRecord* find_step(const std::string& job, const std::string& step) const;
  const JobRecord* find_job(const std::string& job) const;
};

/// The journal of one run: <run_dir>/journal.jsonl, one object a line, appended with a single write(2) each, not
/// fsynced:
/// it serves to resume and debug, not as a record of truth. A torn last line is ignored by the reader.
class Journal {
 public:
  static Result<Journal> create(const std::string& run_dir, const RunRecord& head);
  void add(const StepRecord& step);
  void add(const JobRecord& job);

 private:
  explicit Journal(Fd fd);
  void append(const Json& entry);
  std::unique_ptr<Guarded<Fd>> fd_;
};

Result<RunRecord> read_run(const std::string& runs_dir, const std::string& id);
/// Run ids, newest first (ids sort by time).
Result<std::vector<std::string>> list_runs(const std::string& runs_dir);
/// "last", "" or a unique part of an id -> the id.
Result<std::string> resolve_run(const std::string& runs_dir, const std::string& text);
/// "20261124-001530-4f": sorts by time.
std::string new_run_id();

}  // namespace slipway::runner
