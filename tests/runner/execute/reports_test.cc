// Reports, summaries, groups and annotations by the real program, on the machine's own tools.
#include "tests/runner/execute/exec_fixture.h"

namespace slipway::runner {
namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class Reports : public ExecTest {};

constexpr const char* kTested = R"yml(
jobs:
  unit:
    network: none
    steps:
      - |
        cat > out.xml <<'END'
        <testsuite><testcase classname="A" name="good"/><testcase classname="A" name="bad"><failure message="no"/></testcase></testsuite>
        END
        echo '<coverage lines-valid="8" lines-covered="7"/>' > cov.xml
        exit 1
    artifacts: { reports: { junit: out.xml, coverage: cov.xml } }
)yml";

TEST_F(Reports, TestsAndCoverageAreShownKeptAndInTheEventsAlsoOfAFailedJob) {
  const Ran ran = exec(kTested);
  EXPECT_EQ(ran.code, 1);
  EXPECT_TRUE(has(ran.all(), "tests of unit: 1 passed, 1 failed")) << ran.all();
  EXPECT_TRUE(has(ran.all(), "A: bad: no")) << ran.all();
  EXPECT_TRUE(has(ran.all(), "coverage of unit: 87.5 %")) << ran.all();
  const std::string journal = shell("cat " + state() + "/runs/*/journal.jsonl").out;
  EXPECT_TRUE(has(journal, "\"coverage\":87.5")) << journal;
  bool found = false;
  for (const Json& event : events(kTested)) {
    if (event["kind"].string_or("") != "job_end") continue;
    found = true;
    EXPECT_EQ(event["details"]["tests"]["failed"].int_or(0), 1);
  }
  EXPECT_TRUE(found);
}

TEST_F(Reports, ABrokenReportIsANote) {
  const Ran ran = exec(
      "jobs:\n  a:\n    network: none\n    steps: ['echo \"<!DOCTYPE x [<!ENTITY a 1>]><x/>\" > "
      "r.xml']\n"
      "    artifacts: { reports: { junit: '*.xml' } }\n");
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_TRUE(has(ran.all(), "reports: junit r.xml: 1:1: document types are not taken"))
      << ran.all();
}

TEST_F(Reports, StepSummariesAreShownAtTheEndAndKept) {
  const Ran ran = exec(
      "jobs:\n  a: { network: none, steps: ['echo \"# all **good**\" >> \"$SLIPWAY_SUMMARY\"'] "
      "}\n");
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_TRUE(has(ran.all(), "summary of a:\n  # all **good**")) << ran.all();
  EXPECT_TRUE(has(shell("cat " + state() + "/runs/*/journal.jsonl").out, "# all **good**"));
}

TEST_F(Reports, GroupsStandBelowTheirTitleAndAnnotationsAtTheEnd) {
  const Ran ran = exec(R"yml(
jobs:
  a:
    network: none
    steps:
      - |
        echo ::group::Install; echo inside; echo ::endgroup::; echo outside
        printf 'section_start:1:two\r\033[0KSecond\n'; echo more; printf 'section_end:2:two\r\033[0K\n'
        echo "::error file=a.c,line=3::broken thing"
)yml");
  EXPECT_EQ(ran.code, 0) << ran.all();
  EXPECT_TRUE(has(ran.all(), " Install\n  inside\noutside\n")) << ran.all();
  EXPECT_TRUE(has(ran.all(), " Second\n  more\n")) << ran.all();
  EXPECT_TRUE(has(ran.all(), "\nerror: a.c:3: broken thing\n")) << ran.all();
  EXPECT_TRUE(has(ran.all(), "error: a.c:3: broken thing  (a)")) << ran.all();
}

}  // namespace
}  // namespace slipway::runner
