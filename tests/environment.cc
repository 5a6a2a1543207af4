// What the programs that tests start find in their environment, besides what a test gives them.
#include <stdlib.h>

namespace {

// Each test has a state directory of its own, and none may leave a bridge or a rule on the machine.
[[maybe_unused]] const int kIdleNetworks = ::setenv("RUNNER_IDLE_NETWORKS", "remove", 1);

}  // namespace
