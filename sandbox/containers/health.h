#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "sandbox/container_config.h"
#include "sandbox/container_state.h"
#include "sandbox/containers/loop.h"
#include "sandbox/containers/record.h"
#include "sandbox/engine.h"

namespace slipway::sandbox {

/// What probes say about a container. Spec: Dockerfile reference, HEALTHCHECK: starting, until one succeeds (healthy)
/// or `retries` in a row fail (unhealthy); failures in the start period do not count before the first success.
class HealthTracker {
 public:
  explicit HealthTracker(const HealthCheck& check) : check_(check) {}
  void begin(MonoTime now);
  /// How long until the next probe.
  Millis delay(MonoTime now) const;
  /// True when the status changed.
  bool take(HealthState::Probe probe, MonoTime now);
  const HealthState& state() const { return state_; }

 private:
  bool in_start_period(MonoTime now) const;
  HealthCheck check_;
  HealthState state_;
  MonoTime begun_{};
};

/// Runs the probes of one running container, in the monitor's loop. Goes before the container does.
class HealthProber {
 public:
  HealthProber(Loop& loop, const Record& record, Container& container,
               std::function<void(const HealthState&, bool status_changed)> changed);
  ~HealthProber();
  HealthProber(const HealthProber&) = delete;
  HealthProber& operator=(const HealthProber&) = delete;

  const HealthState& state() const { return tracker_.state(); }
  void pause();
  void resume();

 private:
  void plan_next();
  void probe();
  Status launch();
  void on_output();
  void on_exit();
  void on_timeout();
  void finish(int exit_code, std::string text);

  Loop& loop_;
  const Record& record_;
  Container& container_;
  std::function<void(const HealthState&, bool)> changed_;
  HealthTracker tracker_;
  std::unique_ptr<ExecProcess> process_;
  Fd output_;
  std::string text_;
  WallTime started_{};
  Loop::TimerId timer_ = 0;
  bool paused_ = false;
};

}  // namespace slipway::sandbox
