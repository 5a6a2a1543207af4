#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/guarded.h"
#include "pipeline/plan.h"
#include "runner/execute/job_result.h"

namespace slipway::runner {

/// Which job may run next. Workers call take() and finish(); all methods are thread-safe.
/// A job is handed out when all its needs have ended, its matrix has a free place (max-parallel) and its `lock` is
/// free.
class JobBoard {
 public:
  /// `selected`: indices to run; the others count as absent, or as ended the way `known` says (resumed runs).
  /// `cancel` is the parent of the tokens that take() gives.
  /// kStop: the first failed job cancels all that still run.
  enum class OnFailure { kGoOn, kStop };
  JobBoard(const pipeline::Plan& plan, const std::set<std::size_t>& selected,
           const std::vector<std::optional<JobResult>>& known, const CancelToken& cancel,
           OnFailure on_failure = OnFailure::kGoOn);

  struct Taken {
    std::size_t job = 0;
    CancelToken
        cancel;  ///< Fires with the run's, and when a fail-fast sibling of its matrix failed.
  };
  /// Blocks until a job is ready; nothing when all have been handed out.
  std::optional<Taken> take();
  void finish(std::size_t job, JobResult result);

  /// Results of what `job` needs, in the order of its needs; absent (not selected) ones are nullopt.
  std::vector<std::optional<JobResult>> needs_of(std::size_t job) const;
  /// After the run: one entry a job of the plan; nullopt for those that were not selected.
  std::vector<std::optional<JobResult>> results() const;

 private:
  enum class Phase { kAbsent, kWaiting, kRunning, kEnded };
  struct Entry {
    Phase phase = Phase::kAbsent;
    std::optional<JobResult> result;
  };
  struct State {
    std::vector<Entry> entries;
  };
  std::optional<std::size_t> find_ready(const State& state) const;
  bool ready(const State& state, std::size_t job) const;

  const pipeline::Plan& plan_;
  CancelToken all_;  ///< Fires when a failure ends the others.
  std::vector<CancelToken>
      matrix_tokens_;  ///< By job index; instances of one matrix share a token.
  const OnFailure on_failure_;
  Guarded<State> state_;
};

}  // namespace slipway::runner
