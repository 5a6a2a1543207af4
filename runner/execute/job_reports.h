#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipeline/pattern.h"
#include "pipeline/variables.h"
#include "runner/execute/run_context.h"
#include "runner/execute/stacks.h"
#include "runner/reports/test_report.h"

namespace slipway::runner {

/// Looks for the coverage in a job's log: the last line that the job's `coverage` expression matches has the number.
class CoverageWatch {
 public:
  static Result<CoverageWatch> of(const std::string& pattern);
  void line(const std::string& text);
  std::optional<double> percent() const { return percent_; }

 private:
  explicit CoverageWatch(pipeline::Pattern pattern) : pattern_(std::move(pattern)) {}
  pipeline::Pattern pattern_;
  std::optional<double> percent_;
};

/// What `artifacts: reports:` of a job came to.
struct JobReports {
  std::optional<TestTotals> tests;
  std::optional<double> coverage;
  std::vector<pipeline::VariablePlan> dotenv;  ///< For the jobs that need this one.
  Json to_json() const;                        ///< Tests and coverage; null when there are none.
};

/// Reads the reports that the job left in its workspace. What cannot be read is a notice: a job's result is its own. An
/// Error is a dotenv file that cannot be taken, because other jobs wait for it.
Result<JobReports> read_reports(const RunContext& run, const pipeline::JobPlan& job,
                                const Stack& work);

}  // namespace slipway::runner
