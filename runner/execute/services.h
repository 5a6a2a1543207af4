#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"
#include "runner/execute/job_state.h"

namespace slipway::runner {

class Service;

/// The containers beside a job: started before its first step on a network of the job's own, where they and its steps
/// find each other by name; killed and gone, with the network, when this object is.
class JobServices {
 public:
  struct Request {
    const pipeline::JobPlan& job;
    const JobState& state;
    const CancelToken& cancel;
    MonoTime deadline;
  };
  /// Blocks until all are ready: `ready:`, else the image's HEALTHCHECK, else the first exposed port (which is waited
  /// for 30 s and then only complained about, as GitLab does). The error says which service, and how it ended.
  static Result<std::unique_ptr<JobServices>> start(const RunContext& run, const Request& request);
  ~JobServices();

  const std::string& network() const { return network_.name(); }
  /// Names services that have ended by themselves since, and how: what may explain a failure.
  void tell_ended() const;

 private:
  JobServices(const RunContext& run, const pipeline::JobPlan& job, PrivateNetwork network);
  const RunContext& run_;
  const std::string job_;
  PrivateNetwork network_;  ///< Goes last.
  std::vector<std::unique_ptr<Service>> services_;
};

}  // namespace slipway::runner
