// All services of a job, from the first to the last. One of them: service.cc.
#include "runner/execute/services.h"

#include "base/text.h"
#include "runner/execute/service.h"

namespace slipway::runner {

JobServices::JobServices(const RunContext& run, const pipeline::JobPlan& job,
                         PrivateNetwork network)
    : run_(run), job_(job.instance), network_(std::move(network)) {}

JobServices::~JobServices() = default;

Result<std::unique_ptr<JobServices>> JobServices::start(const RunContext& run,
                                                        const Request& request) {
  const auto way_out = request.job.network == pipeline::NetworkMode::kNone
                           ? JobNetwork::WayOut::kNo
                           : JobNetwork::WayOut::kYes;
  PrivateNetwork network = SLIP_TRY(run.network.make_private(run.run_id, way_out));
  std::unique_ptr<JobServices> all(new JobServices(run, request.job, std::move(network)));
  for (const pipeline::ServicePlan& plan : request.job.services) {
    all->services_.push_back(SLIP_TRY_WITHIN("service " + printable(plan.name),
                                             Service::start(run, request, plan, all->network())));
  }
  // One after the other costs no time: they start side by side, and each one's time runs from its own start.
  for (const auto& service : all->services_) {
    SLIP_TRY_WITHIN("service " + printable(service->name()),
                    service->wait_until_ready(request.cancel, request.deadline));
  }
  return all;
}

void JobServices::tell_ended() const {
  for (const auto& service : services_) {
    const std::optional<sandbox::Outcome> outcome = service->ended();
    if (outcome && !outcome->success())
      run_.notice("service " + printable(service->name()) + " ended: " + outcome->describe(), job_);
  }
}

}  // namespace slipway::runner
