#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "pipeline/plan_parts.h"
#include "pipeline/value.h"
#include "sandbox/outcome.h"

namespace slipway::runner {

/// How a job or step ended. kWarning is an allowed failure; kError is the engine's or the set-up's fault.
enum class RunStatus {
  kSucceeded,
  kWarning,
  kFailed,
  kSkipped,
  kCancelled,
  kTimedOut,
  kOutOfMemory,
  kError,
};

/// Names in events and records: succeeded warning failed skipped cancelled timed-out out-of-memory error.
std::string_view run_status_name(RunStatus status);
std::optional<RunStatus> parse_run_status(std::string_view name);
/// Words of `needs.X.result` in expressions, as GitHub's: success failure cancelled skipped.
std::string_view result_word(RunStatus status);
RunStatus status_of(const sandbox::Outcome& outcome);
/// True for succeeded and warning: what needs may build upon.
bool counts_as_success(RunStatus status);

struct JobResult {
  RunStatus status = RunStatus::kSkipped;
  std::string reason;
  int exit_code = 0;
  double seconds = 0;
  pipeline::Value outputs = pipeline::Value(pipeline::Value::Map{});
  std::string artifacts;                       ///< Snapshot id, or empty.
  Json reports;                                ///< Tests and coverage; null when there are none.
  std::vector<pipeline::VariablePlan> dotenv;  ///< Variables for the jobs that need this one.
};

}  // namespace slipway::runner
