// All sandbox tests run as the engine does: in its own namespaces, entered before any thread exists.
#include <gtest/gtest.h>

#include "sandbox/engine.h"

namespace slipway::sandbox {
namespace {

class EngineNamespacesEntered : public ::testing::Environment {
 public:
  void SetUp() override {
    const Status entered = enter_engine_namespaces();
    ASSERT_TRUE(entered) << entered.error().text();
  }
};

const ::testing::Environment* const kEntered =
    ::testing::AddGlobalTestEnvironment(new EngineNamespacesEntered);

TEST(EngineNamespaces, CanBeEnteredAgain) { EXPECT_TRUE(enter_engine_namespaces()); }

}  // namespace
}  // namespace slipway::sandbox
