// The launch child may not call into the C or C++ library: what its objects leave undefined is checked by name.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/sys.h"
#include "base/text.h"
#include "tests/support/paths.h"

namespace slipway::sandbox {
namespace {

// The compiler puts in calls to the first ones by itself; they are pure functions without state.
bool allowed(std::string_view symbol) {
  static const std::set<std::string_view> kAllowed = {"memcpy", "memset", "memmove",
                                                      "_GLOBAL_OFFSET_TABLE_", "slipway_clone3"};
  constexpr std::string_view kChild = "_ZN7slipway7sandbox5child";
  constexpr std::string_view kChildConst = "_ZNK7slipway7sandbox5child";
  return kAllowed.count(symbol) != 0 || symbol.rfind(kChild, 0) == 0 ||
         symbol.rfind(kChildConst, 0) == 0;
}

TEST(LaunchChild, CallsNothingOutsideItself) {
  const std::string objects =
      testing::guest_dir() + "/../CMakeFiles/slipway_sandbox.dir/sandbox/launch/child/";
  std::vector<std::string> command = {"nm", "-u"};
  for (const char* name : {"child", "descriptor_operations", "mount_operations", "path_operations",
                           "process_operations", "clone", "spawn", "serve"}) {
    command.push_back(objects + name + ".cc.o");
  }
  const auto result = sys::run_command(command, CancelToken(), std::chrono::seconds(20));
  ASSERT_TRUE(result) << result.error().text();
  ASSERT_EQ(result->exit.code, 0) << result->err;
  int seen = 0;
  for (const auto line : split(result->out, '\n')) {
    const auto words = split(trim(line), ' ');
    if (words.size() != 2 || words[0] != "U") continue;
    seen++;
    EXPECT_TRUE(allowed(words[1])) << words[1];
  }
  EXPECT_GT(seen, 20);
}

}  // namespace
}  // namespace slipway::sandbox
