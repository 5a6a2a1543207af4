#pragma once

#include <optional>

#include "base/clock.h"
#include "base/units.h"
#include "sandbox/container_config.h"

namespace slipway::sandbox {

/// How one run ended, for deciding on the next.
struct RunEnd {
  int exit_code = 0;
  Millis ran_for{0};
  bool by_hand = false;  ///< Stopped or killed by a person.
};

/// Docker's restart manager: 100 ms, doubled with each restart up to a minute, from the start again after a run of ten
/// seconds. Spec: Docker run reference, "Restart policies (--restart)".
class Restarter {
 public:
  /// How long to wait before starting again; nothing: not at all.
  std::optional<Millis> next(const RestartPolicy& policy, int restarts, const RunEnd& end);
  void reset() { delay_ = Millis{0}; }

 private:
  Millis delay_{0};
};

/// Whether a container that ended because its monitor or the machine did is to run again.
bool restarts_after_crash(const RestartPolicy& policy, bool stopped_by_hand);

}  // namespace slipway::sandbox
