// Monitors killed in every state that a container can be in: what was true before is true after, and nothing is left.
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <thread>

#include "base/cancel.h"
#include "tests/sandbox/containers/crash_fixture.h"

namespace slipway::sandbox {
namespace {

bool machine_root() {
  return ::geteuid() == 0 &&
         read_file("/proc/self/uid_map", 4_KiB).value_or("").find("4294967295") !=
             std::string::npos;
}

// As root with a bridge and a published port, in a network namespace of the test's own.
class CrashStates : public CrashTest {
 protected:
  static constexpr std::uint16_t kPort = 8088;

  void SetUp() override {
    if (machine_root()) {
      before_ = *open_file("/proc/thread-self/ns/net", O_RDONLY);
      ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
      const Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      struct ifreq loopback {};
      std::memcpy(loopback.ifr_name, "lo", 3);
      loopback.ifr_flags = IFF_UP;
      ASSERT_EQ(::ioctl(socket.get(), SIOCSIFFLAGS, &loopback), 0);
    }
    CrashTest::SetUp();
    mounts_ = mounts();
  }
  void TearDown() override {
    CrashTest::TearDown();
    if (before_) ::setns(before_.get(), CLONE_NEWNET);
  }

  ContainerConfig wanted(const std::string& script) {
    ContainerConfig made = shell(script);
    if (!before_) return made;
    made.network_mode = "bridge";
    PublishedPort port;
    port.host_ip = "127.0.0.1";
    port.host_port = kPort;
    port.container_port = 80;
    made.ports = {port};
    return made;
  }
  // Ready: its trap is set.
  std::string run_ready(ContainerConfig config) {
    config.tty = false;
    const std::string id = create(std::move(config));
    const Attachment attached = attach(id);
    start(id);
    std::string text;
    EXPECT_TRUE(read_until(attached.stream.get(), "ready", text)) << text;
    ids_.push_back(id);
    return id;
  }
  static constexpr const char* kStubborn = "trap '' TERM; echo ready; while :; do sleep 1000; done";

  // Kills the monitor and waits for its end and that of all its container's processes.
  void kill_monitor(const std::string& id) {
    std::vector<Fd> pidfds;
    for (const int pid : containers_->processes(id).value_or(std::vector<int>())) {
      if (auto pidfd = sys::pidfd_open(pid)) pidfds.push_back(*std::move(pidfd));
    }
    kill_monitor();
    for (const Fd& pidfd : pidfds) await_end(pidfd);
  }
  void kill_monitor() {
    for (const pid_t pid : monitors()) {
      auto monitor = sys::pidfd_open(pid);
      if (!monitor) continue;
      (void)sys::pidfd_signal(monitor->get(), SIGKILL);
      await_end(*monitor);
    }
  }
  static std::string ruleset() {
    const auto listed =
        sys::run_command({"nft", "list", "ruleset"}, CancelToken(), std::chrono::seconds(10));
    return listed ? listed->out : listed.error().text();
  }
  static std::string links() {
    std::string names;
    struct if_nameindex* all = ::if_nameindex();
    for (auto* one = all; one != nullptr && one->if_index != 0; ++one)
      names += std::string(one->if_name) + " ";
    ::if_freenameindex(all);
    return names;
  }
  // The port can be had again, and after that one nothing is left.
  void expect_nothing_left() {
    open();
    expect_consistent();
    const std::string again = run_ready(wanted("echo ready; sleep 1000"));
    EXPECT_EQ(state(again).status, ContainerStatus::kRunning) << state(again).error;
    expect_clean_after_removal();
    EXPECT_EQ(monitors(), std::vector<pid_t>());
    EXPECT_EQ(mounts(), mounts_);
    if (!before_) return;
    EXPECT_EQ(ruleset().find(std::to_string(kPort)), std::string::npos) << ruleset();
    // Links go a moment after the last process of their namespace, by the kernel's own worker.
    for (int i = 0; i < 100'000 && links().find("veth") != std::string::npos; ++i) ::sched_yield();
    EXPECT_EQ(links().find("veth"), std::string::npos) << links();
  }
  void expect_ended(const std::string& id) {
    open();
    const ContainerState seen = state(id);
    EXPECT_EQ(seen.status, ContainerStatus::kExited);
    EXPECT_EQ(seen.exit_code, 137);
    EXPECT_EQ(seen.pid, 0);
    EXPECT_EQ(wait(id), 137);
    EXPECT_TRUE(containers_->inspect(id)->ports.empty());
  }

  Fd before_;
  std::size_t mounts_ = 0;
};

TEST_F(CrashStates, CreatedAndAttachedIsStillCreated) {
  const std::string id = create(wanted("echo ready; exit 4"));
  {
    const Attachment attached = attach(id);
    kill_monitor();
  }
  open();
  EXPECT_EQ(state(id).status, ContainerStatus::kCreated);
  start(id);
  EXPECT_EQ(wait(id), 4);
  EXPECT_EQ(logs(id), "ready\n");
  expect_nothing_left();
}

// From the first instruction of the start on, in growing distances.
TEST_F(CrashStates, StartingIsEitherNotStartedOrEnded) {
  for (int round = 0; round < 12; ++round) {
    SCOPED_TRACE(round);
    const std::string id = create(wanted("echo ready; sleep 1000"));
    ids_.push_back(id);
    const Attachment attached = attach(id);  // There is a monitor.
    std::thread starter([&] { (void)containers_->start(id); });
    const struct timespec moment = {0, round * 1'500'000L};
    ::nanosleep(&moment, nullptr);
    kill_monitor();
    kill_monitor();  // The starter may have made another one.
    starter.join();
    open();
    const ContainerState seen = state(id);
    if (seen.status == ContainerStatus::kRunning) {  // By the second monitor.
      EXPECT_TRUE(containers_->stop(id, Millis(0)));
    } else {
      EXPECT_TRUE(seen.status == ContainerStatus::kCreated ||
                  (seen.status == ContainerStatus::kExited && seen.exit_code == 137))
          << static_cast<int>(seen.status) << " " << seen.exit_code << " " << seen.error;
    }
    EXPECT_TRUE(containers_->remove(id, {true, true}));
  }
  expect_nothing_left();
}

TEST_F(CrashStates, RunningIsEnded) {
  const std::string id = run_ready(wanted(kStubborn));
  kill_monitor(id);
  expect_ended(id);
  EXPECT_EQ(logs(id), "ready\n");
  expect_nothing_left();
}

TEST_F(CrashStates, WithAFurtherProcessBothAreEnded) {
  const std::string id = run_ready(wanted(kStubborn));
  ExecConfig further;
  further.argv = {"sh", "-c", "trap '' TERM HUP; echo there; sleep 1000"};
  const auto exec_id = containers_->create_exec(id, further);
  ASSERT_TRUE(exec_id) << exec_id.error().text();
  const auto attached = containers_->start_exec(*exec_id);
  ASSERT_TRUE(attached);
  std::string text;
  ASSERT_TRUE(read_until(attached->stream.get(), "there", text));
  kill_monitor(id);
  expect_ended(id);
  expect_nothing_left();
}

TEST_F(CrashStates, PausedIsEnded) {
  const std::string id = run_ready(wanted(kStubborn));
  const Status paused = containers_->pause(id);
  if (!paused && paused.error().code() == ErrorCode::kUnsupported) return;  // No cgroup is ours.
  ASSERT_TRUE(paused) << paused.error().text();
  kill_monitor();
  expect_ended(id);
  expect_nothing_left();
}

TEST_F(CrashStates, StoppingIsEndedAndStaysDown) {
  ContainerConfig config = wanted(kStubborn);
  config.restart = {RestartPolicy::Kind::kUnlessStopped, 0};
  const std::string id = run_ready(config);
  std::thread stopper([&] { (void)containers_->stop(id, Millis(60'000)); });
  // It is being stopped once that is on record.
  const std::string record = state_ + "/containers/" + id + "/state.json";
  while (read_file(record, 1_MiB).value_or("").find("\"stopped_by_hand\":true") ==
         std::string::npos)
    ::sched_yield();
  kill_monitor(id);
  stopper.join();
  expect_ended(id);
  expect_nothing_left();
}

TEST_F(CrashStates, BetweenTwoRunsGoesOnRunning) {
  ContainerConfig config = wanted("echo ready; exit 3");
  config.restart = {RestartPolicy::Kind::kOnFailure, 0};
  const std::string id = create(config);
  ids_.push_back(id);
  start(id);
  while (state(id).status != ContainerStatus::kRestarting) ::sched_yield();
  kill_monitor();
  open();
  // Whichever run it is in: it is minded again, and a stop is a stop.
  EXPECT_TRUE(containers_->stop(id, Millis(0)));
  EXPECT_EQ(state(id).status, ContainerStatus::kExited);
  const int code = state(id).exit_code;
  EXPECT_TRUE(code == 3 || code == 128 + SIGKILL) << code << ": the stop may have met a run";
  expect_nothing_left();
}

TEST_F(CrashStates, RemovingIsRemovedOrCanBe) {
  for (int round = 0; round < 8; ++round) {
    SCOPED_TRACE(round);
    const std::string id = run_ready(wanted(kStubborn));
    std::thread remover([&] { (void)containers_->remove(id, {true, true}); });
    const struct timespec moment = {0, round * 1'000'000L};
    ::nanosleep(&moment, nullptr);
    kill_monitor();
    remover.join();
    open();
    const Status removed = containers_->remove(id, {true, true});
    EXPECT_TRUE(removed || removed.error().code() == ErrorCode::kNotFound)
        << removed.error().text();
  }
  expect_nothing_left();
}

}  // namespace
}  // namespace slipway::sandbox
