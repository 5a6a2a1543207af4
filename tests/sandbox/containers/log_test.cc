// The log: what was written comes back, whole, in order, by lines, from the end, while it is written and rotated.
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <atomic>
#include <thread>

#include "sandbox/containers/log_reader.h"
#include "sandbox/containers/log_writer.h"
#include "tests/sandbox/containers/containers_fixture.h"

namespace slipway::sandbox {
namespace {

WallTime at(int second) { return WallTime(std::chrono::seconds(second)); }

class LogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = TempDir::make("/var/tmp", "slipway-log");
    ASSERT_TRUE(made);
    directory_ = std::make_unique<TempDir>(std::move(*made));
  }
  Fd open_dir() { return *open_file(directory_->path(), O_RDONLY | O_DIRECTORY); }
  LogWriter writer(LogConfig config = {}) {
    auto made = LogWriter::open(open_dir(), config);
    EXPECT_TRUE(made) << made.error().text();
    return std::move(*made);
  }
  std::string read(const LogRequest& request = {}) {
    std::string text;
    const Fd directory = open_dir();
    const Status done = read_log(
        directory.get(), request,
        [&](const LogRecord& record) -> Status {
          text += record.data;
          return {};
        },
        CancelToken(), directory.get(), [] { return true; });
    EXPECT_TRUE(done) << done.error().text();
    return text;
  }
  std::string tail(std::uint64_t lines, bool out = true, bool err = true) {
    LogRequest request;
    request.tail = lines;
    request.standard_output = out;
    request.standard_error = err;
    return read(request);
  }
  std::string file(int number) {
    return directory_->path() + "/" + log_file_name(static_cast<std::uint32_t>(number));
  }

  std::unique_ptr<TempDir> directory_;
};

TEST_F(LogTest, GivesLinesWithTheirStreamAndTime) {
  writer().append(OutputStream::kStdout, "one\ntwo\npart", at(5));
  std::vector<std::string> seen;
  const Fd directory = open_dir();
  ASSERT_TRUE(read_log(
      directory.get(), {},
      [&](const LogRecord& record) -> Status {
        EXPECT_EQ(record.stream, OutputStream::kStdout);
        EXPECT_EQ(record.time, at(5));
        seen.emplace_back(record.data);
        return {};
      },
      CancelToken(), directory.get(), [] { return true; }));
  EXPECT_EQ(seen, (std::vector<std::string>{"one\n", "two\n", "part"}));
}

TEST_F(LogTest, TailCountsLinesOfBothStreams) {
  LogWriter log = writer();
  log.append(OutputStream::kStdout, "a\nb\n", at(1));
  log.append(OutputStream::kStderr, "E\n", at(2));
  log.append(OutputStream::kStdout, "c\nd", at(3));
  EXPECT_EQ(tail(0), "");
  EXPECT_EQ(tail(1), "d");
  EXPECT_EQ(tail(2), "c\nd");
  EXPECT_EQ(tail(3), "E\nc\nd");
  EXPECT_EQ(tail(4), "b\nE\nc\nd");
  EXPECT_EQ(tail(5), "a\nb\nE\nc\nd");
  EXPECT_EQ(tail(99), "a\nb\nE\nc\nd");
  EXPECT_EQ(tail(1, false, true), "E\n");
  EXPECT_EQ(tail(2, true, false), "c\nd");
}

TEST_F(LogTest, TailFindsALineThatBeganRecordsAgo) {
  LogWriter log = writer();
  log.append(OutputStream::kStdout, "old\nbe", at(1));
  log.append(OutputStream::kStderr, "x\n", at(1));
  log.append(OutputStream::kStdout, "gin", at(1));
  log.append(OutputStream::kStdout, "ning\n", at(1));
  EXPECT_EQ(tail(1, true, false), "beginning\n");
  EXPECT_EQ(tail(2, true, false), "old\nbeginning\n");
}

TEST_F(LogTest, SinceAndUntilCutByTime) {
  LogWriter log = writer();
  for (int second = 1; second <= 5; ++second)
    log.append(OutputStream::kStdout, std::to_string(second) + "\n", at(second));
  LogRequest request;
  request.since = at(2);
  request.until = at(4);
  EXPECT_EQ(read(request), "2\n3\n4\n");
  request.tail = 1;
  EXPECT_EQ(read(request), "4\n");
}

TEST_F(LogTest, RotationKeepsTheNewestFiles) {
  LogConfig config;
  config.max_size = 4_KiB;
  config.max_files = 3;
  LogWriter log = writer(config);
  std::string all;
  for (int i = 0; i < 1000; ++i) {
    const std::string line = "line " + std::to_string(i) + "\n";
    log.append(OutputStream::kStdout, line, at(i));
    all += line;
  }
  const std::string kept = read();
  EXPECT_TRUE(all.ends_with(kept));
  EXPECT_GT(kept.size(), 1000U);
  EXPECT_EQ(log_files(open_dir().get())->size(), 3U);
  EXPECT_EQ(tail(100), all.substr(all.find("line 900\n")));
}

TEST_F(LogTest, ATornRecordIsCutOffWhereverItIsTorn) {
  writer().append(OutputStream::kStdout, "whole\n", at(1));
  struct stat whole {};
  ASSERT_EQ(::stat(file(1).c_str(), &whole), 0);
  writer().append(OutputStream::kStdout, "this one is torn\n", at(2));
  struct stat both {};
  ASSERT_EQ(::stat(file(1).c_str(), &both), 0);
  const std::string bytes = *read_file(file(1), 1_MiB);
  for (auto size = whole.st_size; size < both.st_size; ++size) {
    ASSERT_TRUE(write_file_atomic(file(1), bytes.substr(0, static_cast<std::size_t>(size)), 0600));
    EXPECT_EQ(read(), "whole\n") << size;
    EXPECT_EQ(tail(1), "whole\n") << size;
    writer().append(OutputStream::kStdout, "next\n", at(3));
    EXPECT_EQ(read(), "whole\nnext\n") << size;
  }
}

TEST_F(LogTest, BytesThatLookLikeRecordsAreData) {
  LogWriter log = writer();
  const auto head = encode_log_head({OutputStream::kStdout, false, at(9), 4});
  const std::string fake(head.begin(), head.end());
  log.append(OutputStream::kStdout, fake + "data" + "\x04", at(1));
  log.append(OutputStream::kStdout, "end\n", at(1));
  EXPECT_EQ(read(), fake + "data" + "\x04" + "end\n");
}

TEST_F(LogTest, AFullDiskLosesOutputAndSaysHowMuch) {
  // RLIMIT_FSIZE stands for the disk: in a process of its own, since nothing raises it again.
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    LogWriter log = writer();
    log.append(OutputStream::kStdout, "before\n", at(1));
    struct rlimit limit {};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    const struct rlimit small = {64, limit.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
    log.append(OutputStream::kStdout, std::string(1000, 'x'), at(2));
    log.append(OutputStream::kStdout, std::string(24, 'y'), at(2));
    ::setrlimit(RLIMIT_FSIZE, &limit);
    log.append(OutputStream::kStdout, "after\n", at(3));
    ::_exit(0);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  ASSERT_EQ(status, 0);
  EXPECT_EQ(read(), "before\n[1 KiB of output lost: No space left on device]\nafter\n");
}

TEST_F(LogTest, FollowingMissesNothingOverRotations) {
  LogConfig config;
  config.max_size = 64_KiB;
  config.max_files = 1000;
  LogWriter log = writer(config);
  std::atomic<bool> ended = false;
  std::string followed;
  LogRequest request;
  request.follow = true;
  const Fd directory = open_dir();
  std::thread reader([&] {
    EXPECT_TRUE(read_log(
        directory.get(), request,
        [&](const LogRecord& record) -> Status {
          followed += record.data;
          return {};
        },
        CancelToken(), directory.get(), [&] { return ended.load(); }));
  });
  std::string all;
  for (int i = 0; i < 20'000; ++i) {
    const std::string line = "line number " + std::to_string(i) + "\n";
    log.append(OutputStream::kStdout, line, at(i));
    all += line;
  }
  ended = true;
  // A container's end replaces its state file; here any new file says that something changed.
  ASSERT_TRUE(write_file_atomic(directory_->path() + "/state.json", "{}", 0600));
  reader.join();
  EXPECT_TRUE(followed == all);
}

using ContainersLog = ContainersTest;

TEST_F(ContainersLog, AFloodComesThroughWhole) {
  ContainerConfig wanted = shell("yes 0123456789abcdef0123456789abcde | head -c 67108864");
  wanted.log.max_size = 256_MiB;
  const std::string id = run(wanted);
  EXPECT_EQ(wait(id), 0);
  std::uint64_t size = 0;
  bool good = true;
  ASSERT_TRUE(containers_->logs(
      id, {},
      [&](const LogRecord& record) -> Status {
        size += record.data.size();
        good = good &&
               (record.data.size() != 32 || record.data == "0123456789abcdef0123456789abcde\n");
        return {};
      },
      CancelToken()));
  EXPECT_EQ(size, 67108864U);
  EXPECT_TRUE(good);
}

TEST_F(ContainersLog, FollowingEndsWithTheContainer) {
  const std::string id = run(shell("for i in 1 2 3 4 5 6 7 8 9; do echo $i; done"));
  LogRequest request;
  request.follow = true;
  EXPECT_EQ(logs(id, request), "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
  EXPECT_EQ(logs(id, request), "1\n2\n3\n4\n5\n6\n7\n8\n9\n");
}

TEST_F(ContainersLog, AClientThatDoesNotReadStopsTheOutputButNotTheLogOfWhatCame) {
  ContainerConfig wanted = shell("head -c 4194304 /dev/zero; echo end >&2");
  const std::string id = create(wanted);
  Attachment attached = attach(id);
  start(id);
  std::string text;
  ASSERT_TRUE(read_until(attached.stream.get(), std::string(1000, '\0'), text));
  EXPECT_EQ(state(id).status, ContainerStatus::kRunning);
  attached.stream.reset();  // Detached: nobody holds it up any more.
  EXPECT_EQ(wait(id), 0);
  LogRequest only_err;
  only_err.standard_output = false;
  EXPECT_EQ(logs(id, only_err), "end\n");
}

TEST_F(ContainersLog, NoneKeepsNothing) {
  ContainerConfig wanted = shell("echo secret");
  wanted.log.driver = LogConfig::Driver::kNone;
  const std::string id = run(wanted);
  EXPECT_EQ(wait(id), 0);
  const Status read = containers_->logs(
      id, {}, [](const LogRecord&) { return Status(); }, CancelToken());
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace slipway::sandbox
