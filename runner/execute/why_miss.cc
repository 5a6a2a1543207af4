// `runner why-miss RUN/JOB[/STEP]`: why a memoised step ran, from the journal.
#include "base/files.h"
#include "base/text.h"
#include "runner/execute/exec.h"
#include "runner/execute/journal.h"

namespace slipway::runner {
namespace {

bool meant(const StepRecord& step, const std::string& rest) {
  return rest.empty() || rest == step.job || rest == step.job + "/" + step.step ||
         rest == step.job + "/" + step.name;
}

}  // namespace

Result<std::string> explain_memo(const std::string& state_dir, const std::string& target) {
  const std::string runs_dir = state_dir + "/runs";
  const std::size_t slash = target.find('/');
  const std::string rest = slash == std::string::npos ? "" : target.substr(slash + 1);
  const std::string id = SLIP_TRY(resolve_run(runs_dir, target.substr(0, slash)));
  const RunRecord run = SLIP_TRY(read_run(runs_dir, id));
  std::string text;
  bool any = false;
  for (const StepRecord& step : run.steps) {
    if (!meant(step, rest)) continue;
    any = true;
    if (!step.memo.empty()) text += printable(step.job + "/" + step.step) + ": " + step.memo + "\n";
  }
  if (!text.empty()) return text;
  return fail(
      ErrorCode::kNotFound,
      "explain " + printable(target.empty() ? "last" : target) + ": run " + id +
          (any ? " has no step with `memo` or `inputs` there" : " has no such job or step"));
}

}  // namespace slipway::runner
