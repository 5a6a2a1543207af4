#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/guarded.h"
#include "runner/execute/output_pump.h"
#include "runner/execute/service_probe.h"
#include "runner/execute/services.h"

namespace slipway::runner {

/// One service: its container, its place on the network, its log, and when it counts as ready. One thread's.
class Service {
 public:
  static Result<std::unique_ptr<Service>> start(const RunContext& run,
                                                const JobServices::Request& request,
                                                const pipeline::ServicePlan& plan,
                                                const std::string& network);
  ~Service();  ///< Kills it and reads its log to the end.
  const std::string& name() const { return plan_.name; }
  /// How it ended, if it has.
  std::optional<sandbox::Outcome> ended();
  Status wait_until_ready(const CancelToken& cancel, MonoTime deadline);

 private:
  /// What makes it ready, and what happens when the time is over.
  struct Gate {
    enum class Kind { kNone, kTcp, kHttp, kCommand };
    Kind kind = Kind::kNone;
    HttpPlace place;                   ///< kTcp, kHttp.
    std::vector<std::string> command;  ///< kCommand.
    Millis every{1000};
    Millis within{30'000};
    bool required = true;
    std::string shown;
  };
  Service(const RunContext& run, const pipeline::JobPlan& job, const pipeline::ServicePlan& plan,
          cachestore::Draft draft);
  Status compose(const JobServices::Request& request, const StepImage& image);
  Status choose_gate(const cachestore::ImageConfig& image);
  Status launch(const std::string& network);
  Status probe(Millis patience);
  Status probe_command(Millis patience);
  void wait_for_health(const cachestore::Healthcheck& check);
  void wait_for_exposed_port(const cachestore::ImageConfig& image);
  Status give_up(ErrorCode code, const std::string& why);
  void say(const std::string& text) const;

  const RunContext& run_;
  const std::string job_;
  const pipeline::ServicePlan& plan_;
  cachestore::Draft draft_;
  sandbox::ContainerSpec spec_;
  Gate gate_;
  MonoTime started_{};
  Fd network_namespace_;
  Fd probe_output_;  ///< Into the service's log: what probing commands print.
  std::unique_ptr<sandbox::NetworkSession> session_;
  OutputPump pump_;
  std::unique_ptr<sandbox::Container> container_;
  CancelToken stop_;
  CancelToken over_;  ///< Fires when it has ended: something to poll for.
  Guarded<std::optional<sandbox::Outcome>> outcome_;
  std::thread waiter_;
};

}  // namespace slipway::runner
