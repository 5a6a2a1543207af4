// The test program's entry: it is also the monitor of the containers that its tests start, and a client to be killed.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sandbox/containers.h"
#include "tests/sandbox/containers/crash_client.h"

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "__monitor")
    return slipway::sandbox::run_monitor(std::vector<std::string>(argv + 2, argv + argc));
  if (argc > 1 && std::string(argv[1]) == "__crash_client")
    return slipway::sandbox::run_crash_client(std::vector<std::string>(argv + 2, argv + argc));
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
