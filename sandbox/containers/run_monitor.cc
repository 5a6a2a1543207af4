// The monitor's process: its namespaces, its descriptors, its end.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "sandbox/containers.h"
#include "sandbox/containers/claim.h"
#include "sandbox/containers/monitor.h"
#include "sandbox/engine.h"
#include "sandbox/ids/engine_namespaces.h"

namespace slipway::sandbox {
namespace {

int complain(const Error& error) {
  std::fprintf(stderr, "monitor: %s\n", error.text().c_str());
  return exit_code(error.code());
}

}  // namespace

// Arguments: state directory, container, "inherited" when started inside the engine's user namespace.
int run_monitor(const std::vector<std::string>& arguments) {
  if (arguments.size() < 2 || arguments[0].empty() || !is_container_id(arguments[1]))
    return complain(Error(ErrorCode::kInvalid, "start monitor: it is started by the engine only"));
  ::signal(SIGPIPE, SIG_IGN);
  ::umask(0022);
  if (::chdir("/") != 0) return complain(errno_error(errno, "leave working directory"));
  ::prctl(PR_SET_NAME, "slipway-monitor");
  for (const int descriptor : {kMonitorLock, kMonitorListener})
    if (::fcntl(descriptor, F_SETFD, FD_CLOEXEC) != 0)
      return complain(errno_error(errno, "take over descriptors"));
  const bool inherited = arguments.size() > 2 && arguments[2] == "inherited";
  // Those who wait for an answer get this error rather than none.
  const Status entered = inherited ? adopt_engine_namespaces() : enter_engine_namespaces();
  auto monitor = Monitor::open(arguments[0], arguments[1], Fd(kMonitorLock), Fd(kMonitorListener));
  if (!monitor) return complain(monitor.error());
  if (!entered) (*monitor)->set_broken(entered.error());
  const Status ran = (*monitor)->run();
  return ran ? 0 : complain(ran.error());
}

}  // namespace slipway::sandbox
