// `runner list`: a line a job instance.
#include <algorithm>
#include <array>

#include "base/text.h"
#include "pipeline/compile.h"
#include "pipeline/graph/known_text.h"

namespace slipway::pipeline {
namespace {

constexpr std::size_t kColumns = 4;
// A single overlong cell must not push the other columns off the screen.
constexpr std::size_t kMaxCellColumns = 40;
using Row = std::array<std::string, kColumns>;

// Each needed job once, however many instances it has.
std::vector<std::string> need_names(const JobPlan& job) {
  std::vector<std::string> names;
  for (const Need& need : job.needs) {
    if (std::find(names.begin(), names.end(), need.name) == names.end()) names.push_back(need.name);
  }
  return names;
}

std::string run_word(const JobPlan& job) {
  if (job.manual) return "manual";
  if (job.start_in) return "delayed";
  if (job.run == RunPolicy::kAlways) return "always";
  return job.run == RunPolicy::kOnFailure ? "on_failure" : "on_success";
}

Row row_of(const JobPlan& job) {
  const std::string needs = join(need_names(job), ", ");
  return {job.instance, known_text(job.image.name, job.matrix), needs.empty() ? "-" : needs,
          std::to_string(job.steps.size())};
}

}  // namespace

std::string list_jobs(const Plan& plan) {
  std::vector<Row> rows{{"JOB", "IMAGE", "NEEDS", "STEPS"}};
  for (const JobPlan& job : plan.jobs) rows.push_back(row_of(job));
  std::array<std::size_t, kColumns> widths{};
  for (Row& row : rows) {
    for (std::size_t i = 0; i < kColumns; ++i) {
      row[i] = ellipsize(printable(row[i]), kMaxCellColumns);
      widths[i] = std::max(widths[i], display_width(row[i]));
    }
  }
  std::string out;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i + 1 < kColumns; ++i) {
      out += row[i] + std::string(widths[i] - display_width(row[i]) + 2, ' ');
    }
    out += row[kColumns - 1] + "\n";
  }
  return out;
}

Json list_jobs_json(const Plan& plan) {
  Json list = Json::array();
  for (const JobPlan& job : plan.jobs) {
    Json needs = Json::array();
    for (std::string& name : need_names(job)) needs.push(std::move(name));
    Json steps = Json::array();
    for (const StepPlan& step : job.steps)
      steps.push(Json::object({{"id", step.id}, {"name", step.name}}));
    Json entry = Json::object({{"job", job.name},
                               {"instance", job.instance},
                               {"matrix", job.matrix.to_json()},
                               {"image", known_text(job.image.name, job.matrix)},
                               {"needs", std::move(needs)},
                               {"steps", std::move(steps)}});
    if (!plan.stages.empty()) {
      entry.set("stage", plan.stages[job.stage]);
      entry.set("when", run_word(job));
      entry.set("allow_failure", job.allow_failure.any);
    }
    list.push(std::move(entry));
  }
  return list;
}

}  // namespace slipway::pipeline
