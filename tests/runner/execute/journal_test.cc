// What a run leaves for later.
#include "runner/execute/journal.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/files.h"

namespace slipway::runner {
namespace {

StepRecord step(const std::string& job, const std::string& name, RunStatus status) {
  StepRecord record;
  record.job = job;
  record.step = name;
  record.status = status;
  record.image = "busybox";
  record.root_stack = {"l1", "s1"};
  record.work_stack = {"w", "s2"};
  record.env = {{"A", "1"}, {"B", "two\nlines"}};
  record.carried = {{"C", "3"}};
  record.path = {"/opt/bin"};
  record.outputs.set("count", "42");
  record.cwd = "/workspace";
  return record;
}

class JournalTest : public ::testing::Test {
 protected:
  void SetUp() override { dir_.emplace(*TempDir::make("/tmp", "journal-test-")); }
  std::string runs() const { return dir_->path(); }
  void write_run(const std::string& id) {
    RunRecord head;
    head.file = "/src//ci.yml";
    Journal journal = *Journal::create(runs() + "/" + id, head);
    journal.add(step("build", "compile", RunStatus::kFailed));
    JobResult result;
    result.status = RunStatus::kFailed;
    result.outputs.set("x", "y");
    journal.add(JobRecord{"build", result});
  }
  std::optional<TempDir> dir_;
};

TEST_F(JournalTest, GivesBackWhatWasWritten) {
  write_run("20260101-000000-aa");
  const auto run = read_run(runs(), "20260101-000000-aa");
  ASSERT_TRUE(run) << run.error().text();
  EXPECT_EQ(run->file, "/src//ci.yml");
  const StepRecord* record = run->find_step("build", "compile");
  ASSERT_NE(record, nullptr);
  const StepRecord expected = step("build", "compile", RunStatus::kFailed);
  EXPECT_EQ(record->root_stack, expected.root_stack);
  EXPECT_EQ(record->work_stack, expected.work_stack);
  EXPECT_EQ(record->env, expected.env);
  EXPECT_EQ(record->carried, expected.carried);
  EXPECT_EQ(record->outputs, expected.outputs);
  EXPECT_EQ(record->status, RunStatus::kFailed);
  ASSERT_NE(run->find_job("build"), nullptr);
  EXPECT_EQ(*run->find_job("build")->result.outputs.find("x"), pipeline::Value("y"));
}

TEST_F(JournalTest, ATornLastLineLosesOnlyItself) {
  write_run("20260101-000000-aa");
  std::ofstream(runs() + "/20260101-000000-aa/journal.jsonl", std::ios::app)
      << R"({"kind":"step","job":"bu)";
  const auto run = read_run(runs(), "20260101-000000-aa");
  ASSERT_TRUE(run);
  EXPECT_EQ(run->steps.size(), 1u);
}

TEST_F(JournalTest, FindsRunsByWordAndByPartOfTheirId) {
  write_run("20260101-000000-aa");
  write_run("20260102-000000-bb");
  EXPECT_EQ(*resolve_run(runs(), "last"), "20260102-000000-bb");
  EXPECT_EQ(*resolve_run(runs(), ""), "20260102-000000-bb");
  EXPECT_EQ(*resolve_run(runs(), "aa"), "20260101-000000-aa");
  EXPECT_EQ(resolve_run(runs(), "2026").error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(resolve_run(runs(), "zz").error().code(), ErrorCode::kNotFound);
}

TEST_F(JournalTest, RunIdsSortByTime) {
  const std::string id = new_run_id();
  EXPECT_GT(id, "20260101-000000-00");
  EXPECT_EQ(id.size(), std::string("20260101-000000-0000").size());
}

}  // namespace
}  // namespace slipway::runner
