// Nothing stays behind: after many containers, after a failed start, after the engine's process was killed.
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include <thread>

#include "sandbox/limits/cgroup.h"
#include "tests/sandbox/container_fixture.h"

namespace slipway::sandbox {
namespace {

std::size_t count_names(const std::string& path) {
  const auto fd = open_file(path, O_RDONLY | O_DIRECTORY);
  return fd ? list_dir(fd->get(), path)->size() : 0;
}
std::size_t count_lines(const std::string& path) {
  const std::string text = read_file(path, 4_MiB).value_or("");
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}
std::size_t children() {
  std::size_t count = 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    const std::string text = read_file(task.path().string() + "/children", 64_KiB).value_or("");
    count += static_cast<std::size_t>(std::count(text.begin(), text.end(), ' '));
  }
  return count;
}
// Containers' cgroups of this process, in all hierarchies.
std::size_t cgroups() {
  std::size_t count = 0;
  const std::string mark = "test-" + std::to_string(::getpid()) + "-";
  std::error_code ignored;
  for (auto entry = std::filesystem::recursive_directory_iterator(
           "/sys/fs/cgroup", std::filesystem::directory_options::skip_permission_denied, ignored);
       entry != std::filesystem::recursive_directory_iterator(); entry.increment(ignored)) {
    if (entry->path().filename().string().find(mark) != std::string::npos) count++;
  }
  return count;
}

struct Count {
  std::size_t mounts = count_lines("/proc/self/mountinfo");
  std::size_t descriptors = count_names("/proc/self/fd");
  std::size_t processes = children();
  std::size_t groups = cgroups();
};

class Leftovers : public ContainerTest {
 protected:
  void run_many(int count) {
    for (int i = 0; i < count; i++) {
      ContainerSpec wanted;
      const std::string number = std::to_string(serial_++);
      wanted.name = "test-" + std::to_string(::getpid()) + "-many-" + number;
      const std::string draft = store_ + "/drafts/many-" + number;
      EXPECT_TRUE(make_dirs(draft + "/fs", 0755));
      EXPECT_TRUE(make_dirs(draft + "/work", 0755));
      wanted.root.stack = {{base_}, draft + "/fs", draft + "/work"};
      wanted.process.argv = {i % 10 == 0 ? "/bin/missing" : "/bin/true"};
      auto container = engine_->start(wanted);
      ASSERT_TRUE(container) << container.error().text();
      if (i % 7 == 0) continue;  // Dropped without wait.
      const Outcome outcome = (*container)->wait(CancelToken(), std::nullopt, {});
      EXPECT_TRUE(outcome.success() || i % 10 == 0) << outcome.describe();
    }
  }
  std::atomic<int> serial_{0};
};

TEST_F(Leftovers, NoneAfterTwoHundredContainersOnFourThreads) {
  const Count before;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; i++) threads.emplace_back([this] { run_many(50); });
  for (std::thread& thread : threads) thread.join();
  engine_.reset();  // With it go the shifted views of the store.
  const Count after;
  EXPECT_LE(after.mounts, before.mounts);
  EXPECT_LE(after.descriptors, before.descriptors);
  EXPECT_EQ(after.processes, before.processes);
  EXPECT_EQ(after.groups, before.groups);
}

TEST_F(Leftovers, NoMountIsEverSeenByTheHost) {
  const std::string before = read_file("/proc/1/mountinfo", 4_MiB).value_or("");
  auto container = engine_->start(spec({"probe", "ignore-signals"}));
  ASSERT_TRUE(container) << container.error().text();
  EXPECT_EQ(read_file("/proc/1/mountinfo", 4_MiB).value_or(""), before);
}

TEST_F(Leftovers, NoneAfterAFailedStart) {
  ContainerSpec wanted = spec({"true"});
  wanted.mounts = {BindMount{"/nonexistent/path", "/x"}};
  EXPECT_TRUE(
      run_argv({"true"}).outcome.success());  // Makes what the engine keeps for the next one.
  const Count before;
  EXPECT_FALSE(engine_->start(wanted));
  const Count after;
  EXPECT_EQ(after.descriptors, before.descriptors);
  EXPECT_EQ(after.groups, before.groups);
}

// The process that died held the only lifeline; the kernel closes it and init goes, with all its processes.
TEST_F(Leftovers, NoProcessAfterTheEngineWasKilled) {
  auto pipe = sys::make_pipe();
  const pid_t engine = ::fork();
  ASSERT_GE(engine, 0);
  if (engine == 0) {
    ::unshare(CLONE_NEWNS);  // As every engine's process: its view of the store goes with it.
    auto own = Engine::open({store_});
    auto container = own ? (*own)->start(spec({"probe", "ignore-signals"}))
                         : Result<std::unique_ptr<Container>>(fail(own.error()));
    const int pid = container ? (*container)->pid() : -1;
    (void)!::write(pipe->write.get(), &pid, sizeof pid);
    if (container) ::pause();
    ::_exit(1);
  }
  int pid = -1;
  EXPECT_EQ(::read(pipe->read.get(), &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
  auto container = sys::pidfd_open(pid);
  ASSERT_TRUE(container) << container.error().text();
  ASSERT_EQ(::kill(engine, SIGKILL), 0);
  ASSERT_EQ(::waitpid(engine, nullptr, 0), engine);
  const auto gone = sys::wait_readable(container->get(),
                                       std::chrono::steady_clock::now() + std::chrono::seconds(20));
  EXPECT_TRUE(gone && *gone);
  CgroupManager::open()->reap_orphans();
  EXPECT_EQ(cgroups(), 0U);
}

}  // namespace
}  // namespace slipway::sandbox
