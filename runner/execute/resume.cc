// Which part of a plan is run: --job and --from.
#include "runner/execute/resume.h"

#include <algorithm>

#include "base/text.h"

namespace slipway::runner {
namespace {

using pipeline::JobPlan;
using pipeline::Plan;

std::vector<std::size_t> jobs_named(const Plan& plan, const std::string& name) {
  std::vector<std::size_t> hits;
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    if (plan.jobs[i].instance == name || plan.jobs[i].name == name) hits.push_back(i);
  }
  return hits;
}

void add_with_needs(const Plan& plan, std::size_t job, std::set<std::size_t>& selected) {
  std::vector<std::size_t> open{job};
  while (!open.empty()) {
    const std::size_t next = open.back();
    open.pop_back();
    if (!selected.insert(next).second) continue;
    for (const pipeline::Need& need : plan.jobs[next].needs) open.push_back(need.job);
  }
}

std::set<std::size_t> with_dependants(const Plan& plan, std::size_t job) {
  std::set<std::size_t> selected{job};
  for (bool grew = true; std::exchange(grew, false);) {
    for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
      const auto& needs = plan.jobs[i].needs;
      const bool depends = std::any_of(needs.begin(), needs.end(), [&](const pipeline::Need& need) {
        return selected.contains(need.job);
      });
      if (depends && selected.insert(i).second) grew = true;
    }
  }
  return selected;
}

struct StepPlace {
  std::size_t job;
  std::size_t step;
};

void find_steps(const Plan& plan, std::size_t job, const std::string& name,
                std::vector<StepPlace>& hits) {
  const auto& steps = plan.jobs[job].steps;
  for (std::size_t s = 0; s < steps.size(); ++s) {
    if (steps[s].id == name || steps[s].name == name) {
      hits.push_back({job, s});
      return;
    }
  }
}

Result<StepPlace> find_step(const Plan& plan, const std::string& from) {
  std::vector<StepPlace> hits;
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) find_steps(plan, i, from, hits);
  if (const std::size_t slash = from.rfind('/'); hits.empty() && slash != std::string::npos) {
    for (const std::size_t job : jobs_named(plan, from.substr(0, slash))) {
      find_steps(plan, job, from.substr(slash + 1), hits);
    }
  }
  if (hits.size() == 1) return hits.front();
  if (hits.empty()) {
    std::vector<std::string> known;
    for (const JobPlan& job : plan.jobs) {
      for (const pipeline::StepPlan& step : job.steps) known.push_back(step.id);
    }
    const std::optional<std::string> near = did_you_mean(from, known);
    return fail(ErrorCode::kNotFound,
                "resume from " + printable(from) + ": no such step" +
                    (near ? "; did you mean " + *near + "?" : "; see runner preview"));
  }
  return fail(ErrorCode::kInvalid,
              "resume from " + printable(from) + ": several jobs have this step; say " +
                  printable(plan.jobs[hits.front().job].instance) + "/" + printable(from));
}

Result<ResumePoint> make_resume_point(const JobPlan& job, std::size_t step, const RunRecord& last) {
  ResumePoint point;
  point.first_step = step;
  for (std::size_t s = 0; s < step; ++s) {
    const StepRecord* record = last.find_step(job.instance, job.steps[s].id);
    if (record == nullptr) continue;  // was skipped by its condition
    point.earlier.push_back(*record);
    point.image_stacks[record->image] = record->root_stack;
    point.before = *record;
  }
  if (step > 0 && !point.before) {
    return fail(ErrorCode::kNotFound, "resume " + printable(job.instance) + "/" +
                                          job.steps[step].id + ": run " + last.id +
                                          " did not reach the steps before it");
  }
  return point;
}

}  // namespace

Result<ResumeSelection> select_jobs(const Plan& plan, const std::vector<std::string>& names,
                                    bool no_needs) {
  ResumeSelection selection;
  selection.known.resize(plan.jobs.size());
  if (names.empty()) {
    for (std::size_t i = 0; i < plan.jobs.size(); ++i) selection.jobs.insert(i);
    return selection;
  }
  for (const std::string& name : names) {
    const std::vector<std::size_t> hits = jobs_named(plan, name);
    if (hits.empty()) {
      std::vector<std::string> known;
      for (const JobPlan& job : plan.jobs) known.push_back(job.instance);
      const std::optional<std::string> near = did_you_mean(name, known);
      return fail(ErrorCode::kNotFound,
                  "select job " + printable(name) + ": no such job" +
                      (near ? "; did you mean " + printable(*near) + "?" : "; see runner list"));
    }
    for (const std::size_t hit : hits) {
      if (no_needs) {
        selection.jobs.insert(hit);
      } else {
        add_with_needs(plan, hit, selection.jobs);
      }
    }
  }
  return selection;
}

Result<ResumeSelection> select_from(const Plan& plan, const std::string& from,
                                    const RunRecord& last) {
  const StepPlace place = SLIP_TRY(find_step(plan, from));
  ResumeSelection selection;
  selection.jobs = with_dependants(plan, place.job);
  selection.known.resize(plan.jobs.size());
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    if (selection.jobs.contains(i)) continue;
    if (const JobRecord* record = last.find_job(plan.jobs[i].instance)) {
      selection.known[i] = record->result;
    } else {
      selection.jobs.insert(i);  // the run was stopped before it: do it now
    }
  }
  selection.resume[place.job] = SLIP_TRY(make_resume_point(plan.jobs[place.job], place.step, last));
  return selection;
}

}  // namespace slipway::runner
