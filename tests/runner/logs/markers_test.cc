// What programs write for whoever shows their output.
#include "runner/logs/markers.h"

#include <gtest/gtest.h>

namespace slipway::runner {
namespace {

using Kind = LogMarker::Kind;

TEST(Markers, GroupsOfBothForms) {
  EXPECT_EQ(parse_marker("::group::Install tools")->text, "Install tools");
  EXPECT_EQ(parse_marker("::endgroup::")->kind, Kind::kEndGroup);
  EXPECT_EQ(parse_marker("##[group]Old")->text, "Old");
  const auto begin =
      parse_marker("section_start:1560896352:build[collapsed=true]\r\x1b[0K\x1b[1mBuild it\x1b[0m");
  ASSERT_TRUE(begin);
  EXPECT_EQ(begin->kind, Kind::kGroup);
  EXPECT_EQ(begin->text, "Build it");
  EXPECT_EQ(parse_marker("\x1b[0Ksection_start:1:name\r\x1b[0K")->text, "name");
  EXPECT_EQ(parse_marker("section_end:1560896353:build\r\x1b[0K")->kind, Kind::kEndGroup);
}

TEST(Markers, AnnotationsHaveLevelAndPlace) {
  const auto error = parse_marker("::error file=src/a.c,line=12,col=3::bad%0Aworse 100%25");
  ASSERT_TRUE(error);
  EXPECT_EQ(error->kind, Kind::kAnnotation);
  EXPECT_EQ(error->level, "error");
  EXPECT_EQ(error->file, "src/a.c");
  EXPECT_EQ(error->line, "12");
  EXPECT_EQ(error->text, "bad\nworse 100%");
  EXPECT_EQ(parse_marker("::warning::careful")->level, "warning");
}

TEST(Markers, OrdinaryLinesStayWhatTheyAre) {
  for (const char* line : {"", "group::x", " ::group::x", "::unknown::x", "::errors::x", "::error",
                           "section_start:x:y", "section_start:12", "std::error::code"}) {
    EXPECT_FALSE(parse_marker(line)) << line;
  }
}

}  // namespace
}  // namespace slipway::runner
