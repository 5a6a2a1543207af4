#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "sandbox/containers/layout.h"

namespace slipway::sandbox {

/// Who may change a container: whoever holds the lock on its `lock`. That is its monitor for all of the monitor's
/// life, so the lock is also what says that there is one; without a monitor it is a process that holds `claim` first.
/// Both go with the process, however it ends.
struct Claim {
  Fd directory;   ///< Of the container.
  Fd claim;       ///< Empty once a monitor was started.
  Fd lock;        ///< Held, unless `connection` is valid.
  Fd connection;  ///< To the monitor that holds the lock.
};

/// Reaches the container's monitor or, when it has none, takes the lock. Waits for a monitor that is about to end and
/// for other processes that are changing the container just now. kNotFound "no such container".
Result<Claim> reach(const Layout& layout, const std::string& id);
/// Only the monitor: kConflict "container x is not running" when there is none.
Result<Fd> reach_monitor(const Layout& layout, const std::string& id);
/// True when some process holds the lock.
bool is_held(int directory);

/// Starts a monitor that inherits the lock and a listening socket; `claim.connection` is then a connection to it, which
/// answers as soon as it is ready. Its pid. The monitor is our child until it or we end.
Result<int> start_monitor(Claim& claim, const std::vector<std::string>& program,
                          const std::vector<std::string>& arguments);

/// Descriptors of a new monitor.
inline constexpr int kMonitorLock = 3;
inline constexpr int kMonitorListener = 4;

}  // namespace slipway::sandbox
