#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "runner/logs/event.h"

namespace slipway::runner {

/// What the live area shows of one job.
struct JobView {
  enum class Phase { kWaiting, kRunning, kEnded };
  std::string name;
  Phase phase = Phase::kWaiting;
  std::string status;     ///< Once ended.
  std::size_t steps = 0;  ///< 0 when not known.
  std::size_t steps_done = 0;
  std::string step;       ///< Running step's name; empty between steps.
  std::string last_line;  ///< Newest line of job output.
  std::string progress;   ///< What the engine does for the step right now; over last_line.
  MonoTime started{};
  MonoTime step_started{};
};

/// The state of a run as its events tell it. Pure: time comes in with each event.
class RunView {
 public:
  void apply(const Event& event, MonoTime now);
  const std::vector<JobView>& jobs() const { return jobs_; }
  const JobView* job(const std::string& name) const;
  bool several() const { return jobs_.size() > 1; }
  std::size_t ended() const { return ended_; }
  std::size_t failed() const { return failed_; }
  std::size_t running() const { return running_; }
  MonoTime started() const { return started_; }

 private:
  JobView& find_or_add(const std::string& name);
  void start_run(const Event& event, MonoTime now);
  void start_job(const Event& event, MonoTime now);
  void start_step(const Event& event, MonoTime now);
  void end_job(const Event& event);

  std::vector<JobView> jobs_;
  std::map<std::string, std::size_t> index_;
  std::size_t ended_ = 0;
  std::size_t failed_ = 0;
  std::size_t running_ = 0;
  MonoTime started_{};
};

}  // namespace slipway::runner
