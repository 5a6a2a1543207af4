// Order of the jobs of one run: the needs graph, matrix limits and locks. It starts nothing itself.
#include "runner/execute/job_board.h"

#include <algorithm>
#include <map>

namespace slipway::runner {

JobBoard::JobBoard(const pipeline::Plan& plan, const std::set<std::size_t>& selected,
                   const std::vector<std::optional<JobResult>>& known, const CancelToken& cancel,
                   OnFailure on_failure)
    : plan_(plan), all_(cancel.child()), on_failure_(on_failure) {
  std::map<std::size_t, CancelToken> tokens;
  for (const pipeline::JobPlan& job : plan.jobs) {
    matrix_tokens_.push_back(tokens.try_emplace(job.matrix_group, all_.child()).first->second);
  }
  state_.with([&](State& state) {
    state.entries.resize(plan.jobs.size());
    for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
      Entry& entry = state.entries[i];
      if (selected.contains(i)) {
        entry.phase = Phase::kWaiting;
      } else if (i < known.size() && known[i]) {
        entry.phase = Phase::kEnded;
        entry.result = known[i];
      }
    }
  });
}

bool JobBoard::ready(const State& state, std::size_t job) const {
  const pipeline::JobPlan& plan = plan_.jobs[job];
  const bool needs_ended =
      std::none_of(plan.needs.begin(), plan.needs.end(), [&](const pipeline::Need& need) {
        const Phase phase = state.entries[need.job].phase;
        return phase == Phase::kWaiting || phase == Phase::kRunning;
      });
  if (!needs_ended) return false;
  int running_in_matrix = 0;
  for (std::size_t i = 0; i < plan_.jobs.size(); ++i) {
    if (state.entries[i].phase != Phase::kRunning) continue;
    if (plan_.jobs[i].matrix_group == plan.matrix_group) ++running_in_matrix;
    if (!plan.lock.empty() && plan_.jobs[i].lock == plan.lock) return false;
  }
  return !plan.max_parallel || running_in_matrix < *plan.max_parallel;
}

std::optional<std::size_t> JobBoard::find_ready(const State& state) const {
  for (std::size_t i = 0; i < state.entries.size(); ++i) {
    if (state.entries[i].phase == Phase::kWaiting && ready(state, i)) return i;
  }
  return std::nullopt;
}

std::optional<JobBoard::Taken> JobBoard::take() {
  const auto none_waiting = [](const State& state) {
    return std::none_of(state.entries.begin(), state.entries.end(),
                        [](const Entry& entry) { return entry.phase == Phase::kWaiting; });
  };
  return state_.wait([&](const State& state) { return none_waiting(state) || find_ready(state); },
                     [&](State& state) -> std::optional<Taken> {
                       const std::optional<std::size_t> job = find_ready(state);
                       if (!job) return std::nullopt;
                       state.entries[*job].phase = Phase::kRunning;
                       return Taken{*job, matrix_tokens_[*job]};
                     });
}

void JobBoard::finish(std::size_t job, JobResult result) {
  const pipeline::JobPlan& plan = plan_.jobs[job];
  const bool failed = !counts_as_success(result.status) && result.status != RunStatus::kSkipped;
  if (failed && on_failure_ == OnFailure::kStop) all_.cancel(CancelLevel::kTerminate);
  if (failed && plan.fail_fast && !plan.matrix.is_null()) {
    matrix_tokens_[job].cancel(CancelLevel::kTerminate);
  }
  state_.with([&](State& state) {
    state.entries[job].phase = Phase::kEnded;
    state.entries[job].result = std::move(result);
  });
  state_.notify_all();
}

std::vector<std::optional<JobResult>> JobBoard::needs_of(std::size_t job) const {
  return state_.with([&](const State& state) {
    std::vector<std::optional<JobResult>> results;
    for (const pipeline::Need& need : plan_.jobs[job].needs) {
      results.push_back(state.entries[need.job].result);
    }
    return results;
  });
}

std::vector<std::optional<JobResult>> JobBoard::results() const {
  return state_.with([](const State& state) {
    std::vector<std::optional<JobResult>> results;
    for (const Entry& entry : state.entries) results.push_back(entry.result);
    return results;
  });
}

}  // namespace slipway::runner
