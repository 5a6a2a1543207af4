// NAME=value files.
#include "runner/execute/assignments.h"

#include <gtest/gtest.h>

namespace slipway::runner {
namespace {

TEST(Assignments, ReadsLinesAndBlocksAndSkipsComments) {
  const auto parsed =
      parse_assignments("A=1\n# no\n\nB=x=y \r\nTEXT<<END\none\n  two\nEND\nC=\n", "$F");
  ASSERT_TRUE(parsed) << parsed.error().text();
  const Assignments expected{{"A", "1"}, {"B", "x=y "}, {"TEXT", "one\n  two"}, {"C", ""}};
  EXPECT_EQ(*parsed, expected);
}

TEST(Assignments, ALineWithoutEqualsIsNamedByItsNumberButNotShown) {
  const auto parsed = parse_assignments("A=1\nhunter2\n", "$SLIPWAY_OUTPUT");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().text(), "read $SLIPWAY_OUTPUT:2: expected NAME=value");
}

TEST(Assignments, AnOpenBlockIsAnError) {
  const auto parsed = parse_assignments("A<<EOF\nx\n", "f");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code(), ErrorCode::kInvalid);
}

TEST(Assignments, RefusesNamesThatAreNone) {
  EXPECT_FALSE(parse_assignments("1A=x\n", "f"));
  EXPECT_FALSE(parse_assignments("a b=x\n", "f"));
  EXPECT_FALSE(parse_assignments("=x\n", "f"));
}

TEST(Assignments, AJobCannotSetWhatStartsItsOwnLoader) {
  EXPECT_TRUE(reserved_variable("LD_PRELOAD"));
  EXPECT_TRUE(reserved_variable("SLIPWAY_OUTPUT"));
  EXPECT_FALSE(reserved_variable("PATHS"));
}

}  // namespace
}  // namespace slipway::runner
