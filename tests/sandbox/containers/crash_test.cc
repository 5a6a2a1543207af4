// Clients and monitors killed at any moment: no container, log line or exit code is lost, and nothing is left behind.
#include <sched.h>
#include <spawn.h>
#include <sys/syscall.h>

#include <cstdlib>
#include <random>
#include <thread>

#include "sandbox/containers/claim.h"
#include "tests/sandbox/containers/crash_client.h"
#include "tests/sandbox/containers/crash_fixture.h"

namespace slipway::sandbox {
namespace {

constexpr int kRounds = 30;
constexpr int kMostDelayMicroseconds = 60'000;  // A whole life takes about half of that.

int rounds() {
  const char* more = std::getenv("SLIPWAY_CRASH_ROUNDS");  // For a nightly run.
  return more != nullptr ? std::atoi(more) : kRounds;
}

// The moment of a crash is what is random here; nothing is waited for.
void pass_time(int microseconds) {
  const struct timespec time = {microseconds / 1'000'000, microseconds % 1'000'000 * 1000L};
  ::nanosleep(&time, nullptr);
}

class ContainersCrash : public CrashTest {
 protected:
  pid_t start_client(unsigned seed) {
    std::vector<std::string> words{"/proc/self/exe", "__crash_client", state_,
                                   std::to_string(seed)};
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_t pid = -1;
    EXPECT_EQ(::posix_spawn(&pid, argv[0], nullptr, nullptr, argv.data(), environ), 0);
    return pid;
  }
  static void kill_and_reap(pid_t pid) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
};

TEST_F(ContainersCrash, KilledClientsAndMonitorsLeaveNothing) {
  const std::size_t mounts_before = mounts();
  std::mt19937 random(static_cast<unsigned>(::getpid()));
  std::uniform_int_distribution<int> delay(0, kMostDelayMicroseconds);
  for (int round = 0; round < rounds(); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    const pid_t client = start_client(static_cast<unsigned>(random()));
    pass_time(5'000 + delay(random));
    if (round % 3 != 0) {
      for (const pid_t pid : monitors()) ::kill(pid, SIGKILL);
      pass_time(delay(random) / 4);
    }
    kill_and_reap(client);
    open();
    expect_consistent();
    if (round % 5 == 4) expect_clean_after_removal();
  }
  expect_clean_after_removal();
  EXPECT_EQ(monitors(), std::vector<pid_t>());
  EXPECT_EQ(mounts(), mounts_before);
}

TEST_F(ContainersCrash, AKilledClientLosesNoOutputAndNoExitCode) {
  std::string expected;
  for (int i = 1; i <= 2000; ++i) expected += std::to_string(i) + "\n";
  for (int round = 0; round < 5; ++round) {
    const std::string id =
        create(shell("i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo $i; done; exit 5"));
    // A client of its own, dead as soon as it has started the container.
    const pid_t client = ::fork();
    ASSERT_GE(client, 0);
    if (client == 0) {
      (void)containers_->start(id);
      ::kill(::getpid(), SIGKILL);
    }
    ::waitpid(client, nullptr, 0);
    EXPECT_EQ(wait(id), 5);
    EXPECT_TRUE(logs(id) == expected);
  }
}

TEST_F(ContainersCrash, AContainerWhoseMonitorDiedIsFoundDead) {
  const std::string id = run(config({"sleep", "1000"}));
  const int init = state(id).pid;
  ASSERT_EQ(monitors().size(), 1U);
  const pid_t monitor = monitors()[0];
  const auto watched = sys::pidfd_open(init);
  ASSERT_TRUE(watched);
  ::kill(monitor, SIGKILL);
  EXPECT_TRUE(sys::wait_readable(watched->get(), std::nullopt).value_or(false));
  EXPECT_EQ(wait(id), 137);
  EXPECT_EQ(state(id).status, ContainerStatus::kExited);
  EXPECT_EQ(state(id).error, "its monitor died");
  start(id);
  EXPECT_EQ(state(id).status, ContainerStatus::kRunning);
}

// A child that a killed monitor had just cloned holds its lock until it takes its first steps. Here that is a copy that is
// given back when somebody waits for it.
TEST_F(ContainersCrash, ALockThatOutlivesItsMonitorIsWaitedFor) {
  const std::string id = run(config({"sleep", "1000"}));
  const auto monitor = sys::pidfd_open(monitors().at(0));
  ASSERT_TRUE(monitor);
  Fd rest(static_cast<int>(::syscall(SYS_pidfd_getfd, monitor->get(), kMonitorLock, 0)));
  ASSERT_TRUE(rest) << errno;
  ASSERT_TRUE(sys::pidfd_signal(monitor->get(), SIGKILL));
  await_end(*monitor);
  const Fd claim(::open((state_ + "/containers/" + id + "/claim").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(claim);
  std::thread releaser([&] {
    struct flock seen {};
    do {
      ::sched_yield();
      seen = {};
      seen.l_type = F_RDLCK;
    } while (::fcntl(claim.get(), F_OFD_GETLK, &seen) == 0 && seen.l_type == F_UNLCK);
    rest.reset();
  });
  open();  // Finds the dead one by its monitor, not by the lock.
  EXPECT_EQ(state(id).status, ContainerStatus::kExited);
  EXPECT_EQ(wait(id), 137);
  releaser.join();
  start(id);
  EXPECT_EQ(state(id).status, ContainerStatus::kRunning);
}

TEST_F(ContainersCrash, ASpoiltRecordHidesNobodyAndCanBeRemoved) {
  const std::string good = create(config({"true"}), "good");
  const std::string spoilt = create(config({"true"}), "spoilt");
  ASSERT_TRUE(write_file_atomic(state_ + "/containers/" + spoilt + "/config.json", "", 0600));
  const auto all = containers_->list();
  ASSERT_TRUE(all) << all.error().text();
  ASSERT_EQ(all->size(), 2U);
  EXPECT_EQ(
      std::count_if(all->begin(), all->end(),
                    [](const auto& one) { return one.state.status == ContainerStatus::kDead; }),
      1);
  EXPECT_FALSE(containers_->remove(spoilt, {}));
  EXPECT_TRUE(containers_->remove(spoilt, {true, false}));
  EXPECT_EQ(containers_->list()->size(), 1U);
  open();  // Its name led nowhere.
  create(config({"true"}), "spoilt");
}

TEST_F(ContainersCrash, OneThatIsAlwaysToRunRunsAgain) {
  ContainerConfig wanted = config({"sleep", "1000"});
  wanted.restart = {RestartPolicy::Kind::kAlways, 0};
  const std::string id = run(wanted);
  const int before = state(id).pid;
  // Its end is waited for by a descriptor from before: a dying process has no command line to be found by.
  const auto monitor = sys::pidfd_open(monitors().at(0));
  const auto init = sys::pidfd_open(before);
  ASSERT_TRUE(monitor && init);
  ASSERT_TRUE(sys::pidfd_signal(monitor->get(), SIGKILL));
  ASSERT_TRUE(sys::wait_readable(monitor->get(), std::nullopt).value_or(false));
  ASSERT_TRUE(sys::wait_readable(init->get(), std::nullopt).value_or(false));
  open();
  EXPECT_EQ(state(id).status, ContainerStatus::kRunning);
  EXPECT_NE(state(id).pid, before);
}

TEST_F(ContainersCrash, ASignalToTheMonitorEndsItsContainerInOrder) {
  const std::string id =
      run(shell("trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.01; done"));
  LogRequest follow;
  follow.follow = true;
  std::string text;
  ASSERT_TRUE(containers_->logs(
      id, follow,
      [&](const LogRecord& record) -> Status {
        text += record.data;
        if (text == "ready\n") ::kill(monitors().at(0), SIGTERM);
        return {};
      },
      CancelToken()));
  EXPECT_EQ(text, "ready\nbye\n");
  EXPECT_EQ(wait(id), 0);
}

}  // namespace

int run_crash_client(const std::vector<std::string>& arguments) {
  if (arguments.size() < 2 || !enter_engine_namespaces()) return 1;
  auto store = cachestore::Store::open({arguments[0], {}, false});
  if (!store) return 1;
  ContainersOptions options;
  options.state_dir = arguments[0];
  options.store = *store;
  auto containers = Containers::open(std::move(options));
  if (!containers) return 1;
  std::mt19937 random(static_cast<unsigned>(std::atoi(arguments[1].c_str())));
  for (;;) {
    ContainerConfig wanted;
    wanted.image = "busybox";
    wanted.network_mode = "none";
    wanted.auto_remove = random() % 3 == 0;
    wanted.command = random() % 2 == 0 ? std::vector<std::string>{"sh", "-c", "echo x; exit 3"}
                                       : std::vector<std::string>{"sleep", "1000"};
    if (!wanted.auto_remove && random() % 3 == 0)
      wanted.restart = {RestartPolicy::Kind::kOnFailure, 1};
    const auto id = (*containers)->create(wanted, {});
    if (!id) continue;
    auto attached = (*containers)->attach(*id);
    (void)(*containers)->start(*id);
    if (random() % 2 == 0) (void)(*containers)->rename(*id, "again-" + std::to_string(random()));
    if (random() % 2 == 0) (void)(*containers)->stop(*id, Millis(0));
    if (random() % 2 == 0) (void)(*containers)->remove(*id, {true, true});
  }
}

}  // namespace slipway::sandbox
