// Names of the ways in which jobs and steps end.
#include "runner/execute/job_result.h"

#include <array>

namespace slipway::runner {
namespace {

struct StatusRow {
  RunStatus status;
  std::string_view name;
  std::string_view word;
};
constexpr std::array<StatusRow, 8> kStatuses{{
    {RunStatus::kSucceeded, "succeeded", "success"},
    {RunStatus::kWarning, "warning", "success"},
    {RunStatus::kFailed, "failed", "failure"},
    {RunStatus::kSkipped, "skipped", "skipped"},
    {RunStatus::kCancelled, "cancelled", "cancelled"},
    {RunStatus::kTimedOut, "timed-out", "failure"},
    {RunStatus::kOutOfMemory, "out-of-memory", "failure"},
    {RunStatus::kError, "error", "failure"},
}};

const StatusRow& row(RunStatus status) { return kStatuses[static_cast<std::size_t>(status)]; }

}  // namespace

std::string_view run_status_name(RunStatus status) { return row(status).name; }
std::string_view result_word(RunStatus status) { return row(status).word; }

std::optional<RunStatus> parse_run_status(std::string_view name) {
  for (const StatusRow& candidate : kStatuses) {
    if (candidate.name == name) return candidate.status;
  }
  return std::nullopt;
}

RunStatus status_of(const sandbox::Outcome& outcome) {
  using Kind = sandbox::Outcome::Kind;
  switch (outcome.kind) {
    case Kind::kExited:
      return outcome.code == 0 ? RunStatus::kSucceeded : RunStatus::kFailed;
    case Kind::kSignalled:
      return RunStatus::kFailed;
    case Kind::kTimedOut:
      return RunStatus::kTimedOut;
    case Kind::kCancelled:
      return RunStatus::kCancelled;
    case Kind::kOutOfMemory:
      return RunStatus::kOutOfMemory;
    case Kind::kSetupFailed:
      return outcome.cause == sandbox::Outcome::SetupCause::kOther ? RunStatus::kError
                                                                   : RunStatus::kFailed;
  }
  return RunStatus::kError;
}

bool counts_as_success(RunStatus status) {
  return status == RunStatus::kSucceeded || status == RunStatus::kWarning;
}

}  // namespace slipway::runner
