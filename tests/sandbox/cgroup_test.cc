// Real cgroups of this machine (v1, hybrid or v2), always below slipway/. Also run in a virtual machine with cgroup
// v2 by tests/e2e/cgroup_v2_vm. Needs root.
#include "sandbox/limits/cgroup.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <thread>

#include "base/files.h"
#include "base/random.h"
#include "base/sys.h"
#include "base/text.h"
#include "sandbox/limits/base.h"
#include "sandbox/limits/group_dir.h"
#include "sandbox/limits/hierarchies.h"

namespace slipway::sandbox {
namespace {

std::string unique_name() { return "test-" + random_hex(4); }

// A process that enters the group as the engine's launch child does, then runs `body`; its value is the exit code.
class Member {
 public:
  Member(const Cgroup& group, const std::function<int()>& body) {
    clone_args args{};
    args.flags = CLONE_PIDFD;
    args.exit_signal = SIGCHLD;
    int pidfd = -1;
    args.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
    if (group.clone_fd() >= 0) {
      args.flags |= CLONE_INTO_CGROUP;
      args.cgroup = static_cast<std::uint64_t>(group.clone_fd());
    }
    pid_ = static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof args));
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (const int fd : group.procs_fds()) {
        if (::write(fd, "0", 1) != 1) ::_exit(99);
      }
      ::_exit(body());
    }
    pidfd_ = Fd(pidfd);
  }
  ~Member() {
    if (pid_ > 0 && pidfd_) {
      (void)sys::pidfd_signal(pidfd_.get(), SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pidfd_.reset();
    return status;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  Fd pidfd_;
};

int touch_memory(std::size_t size) {
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 1;
  std::memset(memory, 1, size);
  return 0;
}

int sleep_for_ever() {
  for (;;) ::pause();
  return 0;
}

// The directory of `name`'s group in the hierarchy that has `controller`; empty when there is none.
std::string directory_of(const std::string& name, std::string_view controller) {
  for (const limits::Base& base : limits::choose_bases(limits::find_hierarchies()).all) {
    const bool has =
        std::any_of(base.controllers.begin(), base.controllers.end(),
                    [&](const limits::Controller* one) { return one->name == controller; });
    const auto dir = open_file(base.path(), O_RDONLY | O_DIRECTORY);
    const auto entries = has && dir ? list_dir(dir->get(), base.path())
                                    : Result<std::vector<std::string>>(std::vector<std::string>{});
    if (!entries) continue;
    for (const std::string& entry : *entries) {
      if (entry.rfind(name + ".", 0) == 0) return base.path() + "/" + entry;
    }
  }
  return "";
}

std::string control(const std::string& name, const std::string& controller, const char* v1_file,
                    const char* v2_file) {
  const bool v1 = limits::find_hierarchies().v1.count(controller) > 0;
  const auto text =
      read_file(directory_of(name, controller) + "/" + (v1 ? v1_file : v2_file), 4_KiB);
  return text ? std::string(trim(*text)) : text.error().text();
}

class CgroupLimits : public ::testing::Test {
 protected:
  void SetUp() override {
    manager_ = CgroupManager::open();
    ASSERT_TRUE(manager_->notices().empty()) << join(manager_->notices(), "\n");
  }
  std::unique_ptr<Cgroup> create(const Limits& limits) {
    auto group = manager_->create(name_, limits);
    EXPECT_TRUE(group) << group.error().text();
    return group ? std::move(*group) : nullptr;
  }
  const std::string name_ = unique_name();
  std::unique_ptr<CgroupManager> manager_;
};

Limits with_memory(ByteCount size) {
  Limits limits;
  limits.memory = size;
  return limits;
}

TEST_F(CgroupLimits, ProcessIsInsideBeforeItsFirstInstruction) {
  const auto group = create({});
  ASSERT_TRUE(group);
  EXPECT_EQ(group->clone_fd() >= 0, limits::find_hierarchies().unified.has_value());
  Member member(*group, sleep_for_ever);
  const std::string own = directory_of(name_, "pids");
  std::string listed;
  while (listed.empty()) {  // On v1 the member moves itself.
    const auto text = read_file(own + "/cgroup.procs", 4_KiB);
    ASSERT_TRUE(text) << text.error().text();
    listed = trim(*text);
  }
  EXPECT_EQ(listed, std::to_string(member.pid()));
}

TEST_F(CgroupLimits, MemoryKillIsReportedAndPeakStaysBelowTheLimit) {
  const auto group = create(with_memory(32_MiB));
  ASSERT_TRUE(group);
  Member member(*group, [] { return touch_memory(256 << 20); });
  const int status = member.wait();
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
  const CgroupUsage usage = group->usage();
  EXPECT_TRUE(usage.oom_killed);
  EXPECT_GT(usage.peak_memory, 16_MiB);
  EXPECT_LE(usage.peak_memory, 32_MiB);
}

TEST_F(CgroupLimits, EnoughMemoryIsNoKill) {
  const auto group = create(with_memory(256_MiB));
  ASSERT_TRUE(group);
  Member member(*group, [] { return touch_memory(32 << 20); });
  EXPECT_EQ(member.wait(), 0);
  EXPECT_FALSE(group->usage().oom_killed);
  EXPECT_GT(group->usage().peak_memory, 32_MiB);
}

TEST_F(CgroupLimits, KillBySomebodyElseIsNotOutOfMemory) {
  const auto group = create(with_memory(64_MiB));
  ASSERT_TRUE(group);
  Member member(*group, [] {
    ::raise(SIGKILL);
    return 0;
  });
  EXPECT_TRUE(WIFSIGNALED(member.wait()));
  EXPECT_FALSE(group->usage().oom_killed);
}

TEST_F(CgroupLimits, SwapIsZeroUnlessAsked) {
  const auto group = create(with_memory(64_MiB));
  EXPECT_EQ(control(name_, "memory", "memory.memsw.limit_in_bytes", "memory.swap.max"),
            limits::find_hierarchies().v1.count("memory") > 0 ? "67108864" : "0");
}

TEST_F(CgroupLimits, ProcessesAreBounded) {
  Limits limits;
  limits.pids = 8;
  const auto group = create(limits);
  ASSERT_TRUE(group);
  Member member(*group, [] {
    for (int made = 1;; ++made) {
      const pid_t child = ::fork();
      if (child == 0) sleep_for_ever();
      if (child < 0) return errno == EAGAIN ? made : 100;
      if (made > 50) return 101;
    }
  });
  const int status = member.wait();
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 8);  // Itself and seven children, then refused.
}

TEST_F(CgroupLimits, DefaultBoundOfProcessesIsSet) {
  const auto group = create({});
  EXPECT_EQ(control(name_, "pids", "pids.max", "pids.max"), "4096");
}

TEST_F(CgroupLimits, ProcessorQuotaIsSetAndTimeIsCounted) {
  Limits limits;
  limits.cpus = 0.5;
  const auto group = create(limits);
  ASSERT_TRUE(group);
  const bool v1 = limits::find_hierarchies().v1.count("cpu") > 0;
  EXPECT_EQ(control(name_, "cpu", "cpu.cfs_quota_us", "cpu.max"), v1 ? "50000" : "50000 100000");
  Member member(*group, [] {
    const auto start = ::clock();
    while (::clock() - start < CLOCKS_PER_SEC / 50) {
    }
    return 0;
  });
  EXPECT_EQ(member.wait(), 0);
  if (group->clone_fd() >= 0) {
    EXPECT_GE(group->usage().cpu_user + group->usage().cpu_system, std::chrono::milliseconds(15));
  }
}

TEST_F(CgroupLimits, SharesAndReservationAreSet) {
  Limits limits = with_memory(64_MiB);
  limits.cpu_shares = 512;
  limits.memory_reservation = 32_MiB;
  const auto group = create(limits);
  ASSERT_TRUE(group);
  const bool v1 = limits::find_hierarchies().v1.count("cpu") > 0;
  EXPECT_EQ(control(name_, "cpu", "cpu.shares", "cpu.weight"), v1 ? "512" : "20");
  EXPECT_EQ(control(name_, "memory", "memory.soft_limit_in_bytes", "memory.low"), "33554432");
}

// Where no controller is within reach (a delegated group often has none) that is said, not passed over.
TEST_F(CgroupLimits, ProcessorsAreChosenOrTheirAbsenceIsSaid) {
  Limits limits;
  limits.cpuset_cpus = "0";
  const auto group = create(limits);
  ASSERT_TRUE(group);
  if (!group->warnings().empty()) {
    EXPECT_EQ(directory_of(name_, "cpuset"), "");
    EXPECT_EQ(group->update(limits).error().code(), ErrorCode::kUnsupported);
    return;
  }
  EXPECT_EQ(control(name_, "cpuset", "cpuset.cpus", "cpuset.cpus"), "0");
  Member member(*group, [] {
    cpu_set_t mask;
    return ::sched_getaffinity(0, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask) : 0;
  });
  EXPECT_EQ(WEXITSTATUS(member.wait()), 1);
}

TEST_F(CgroupLimits, DeviceRatesAreSetOrTheirAbsenceIsSaid) {
  struct stat disk {};
  if (::stat("/dev/vda", &disk) != 0) return;  // The virtual machine of the test has one.
  Limits limits;
  limits.read_bps = {{"/dev/vda", 1'048'576}};
  const auto group = create(limits);
  ASSERT_TRUE(group);
  const std::string v1 = directory_of(name_, "blkio");
  const std::string v2 = directory_of(name_, "io");
  if (!group->warnings().empty()) {
    EXPECT_EQ(v1 + v2, "");
    return;
  }
  const auto text =
      read_file(v1.empty() ? v2 + "/io.max" : v1 + "/blkio.throttle.read_bps_device", 4_KiB);
  ASSERT_TRUE(text);
  EXPECT_NE(text->find(v1.empty() ? " rbps=1048576" : " 1048576"), std::string::npos) << *text;
  limits.read_bps = {{"/dev/null", 1}};
  EXPECT_EQ(group->update(limits).error().code(), ErrorCode::kInvalid);
}

TEST_F(CgroupLimits, UpdateReachesLivingMembersWithGroupsThatWereNotThere) {
  const auto group = create({});
  ASSERT_TRUE(group);
  Member member(*group, sleep_for_ever);
  Limits limits = with_memory(64_MiB);
  limits.cpus = 0.5;
  limits.pids = 9;
  const auto updated = group->update(limits);
  ASSERT_TRUE(updated) << updated.error().text();
  EXPECT_EQ(control(name_, "pids", "pids.max", "pids.max"), "9");
  EXPECT_EQ(control(name_, "memory", "memory.limit_in_bytes", "memory.max"), "67108864");
  const auto dir = limits::GroupDir::open(directory_of(name_, "memory"));
  ASSERT_TRUE(dir);
  EXPECT_EQ(limits::members(*dir), std::vector<int>{member.pid()});
  limits = with_memory(128_MiB);
  ASSERT_TRUE(group->update(limits));
  limits = with_memory(32_MiB);
  ASSERT_TRUE(group->update(limits));
  EXPECT_EQ(control(name_, "memory", "memory.limit_in_bytes", "memory.max"), "33554432");
}

TEST_F(CgroupLimits, FrozenMembersStandStillAndCanBeKilled) {
  auto group = create({});
  ASSERT_TRUE(group);
  Member member(*group, sleep_for_ever);
  const auto frozen = group->freeze();
  ASSERT_TRUE(frozen) << frozen.error().text();
  ASSERT_TRUE(group->thaw());
  ASSERT_TRUE(group->freeze());
  group.reset();
  EXPECT_TRUE(WIFSIGNALED(member.wait()));
}

TEST_F(CgroupLimits, EverythingIsCountedWhenAsked) {
  auto group = manager_->create(name_, {}, Counting::kAll);
  ASSERT_TRUE(group) << group.error().text();
  Member member(**group, [] { return touch_memory(8 << 20); });
  EXPECT_EQ(member.wait(), 0);
  const ResourceUsage usage = (*group)->count();
  ASSERT_TRUE(usage.memory && usage.pids && usage.cpu_total);
  EXPECT_EQ(*usage.pids, 0u);
  EXPECT_EQ(*usage.pids_limit, 4096u);
  EXPECT_GT(usage.cpu_total->count(), 0);
}

TEST_F(CgroupLimits, OnlyAskedHierarchiesAreMade) {
  if (limits::find_hierarchies().v1.count("memory") == 0) return;  // v2: one directory for all.
  const auto group = create({});
  EXPECT_EQ(directory_of(name_, "memory"), "");
  EXPECT_EQ(directory_of(name_, "cpu"), "");
  EXPECT_NE(directory_of(name_, "pids"), "");
}

TEST_F(CgroupLimits, KillAllEndsAForkBomb) {
  Limits limits;
  limits.pids = 200;
  auto group = create(limits);
  ASSERT_TRUE(group);
  Member member(*group, [] {
    ::signal(SIGCHLD, SIG_IGN);
    for (;;) {
      if (::fork() > 0) ::sched_yield();
    }
    return 0;
  });
  const std::string own = directory_of(name_, "pids");
  const auto running = limits::GroupDir::open(own);
  ASSERT_TRUE(running);
  while (limits::members(*running).size() < 100) ::sched_yield();
  group->kill_all();
  EXPECT_TRUE(WIFSIGNALED(member.wait()));
  group.reset();
  EXPECT_FALSE(path_exists(own));
}

TEST_F(CgroupLimits, MembersAreKilledOneByOneWhereTheKernelHasNoKillFile) {
  auto group = create({});
  ASSERT_TRUE(group);
  Member first(*group, sleep_for_ever);
  Member second(*group, sleep_for_ever);
  const auto dir = limits::GroupDir::open(directory_of(name_, "pids"));
  ASSERT_TRUE(dir);
  while (limits::members(*dir).size() < 2) ::sched_yield();
  limits::kill_members(*dir);
  EXPECT_TRUE(WIFSIGNALED(first.wait()));
  EXPECT_TRUE(WIFSIGNALED(second.wait()));
}

TEST_F(CgroupLimits, EndOfTheObjectKillsAndRemoves) {
  Limits limits = with_memory(64_MiB);
  limits.cpus = 1;
  auto group = create(limits);
  ASSERT_TRUE(group);
  Member member(*group, sleep_for_ever);
  std::vector<std::string> made;
  for (const char* controller : {"pids", "memory", "cpu"}) {
    made.push_back(directory_of(name_, controller));
    ASSERT_NE(made.back(), "") << controller;
  }
  group.reset();
  EXPECT_TRUE(WIFSIGNALED(member.wait()));
  for (const std::string& path : made) EXPECT_FALSE(path_exists(path)) << path;
}

TEST_F(CgroupLimits, ProcessCanBeAddedFromOutside) {
  const auto group = create(with_memory(64_MiB));
  ASSERT_TRUE(group);
  const pid_t child = ::fork();
  if (child == 0) sleep_for_ever();
  const auto added = group->add(child);
  EXPECT_TRUE(added) << added.error().text();
  const auto dir = limits::GroupDir::open(directory_of(name_, "memory"));
  ASSERT_TRUE(dir);
  EXPECT_EQ(limits::members(*dir), std::vector<int>{child});
  group->kill_all();
  ::waitpid(child, nullptr, 0);
}

TEST_F(CgroupLimits, SenselessLimitsAndNamesAreRefused) {
  Limits none;
  none.cpus = 0;
  Limits nan;
  nan.cpus = std::nan("");
  Limits tiny = with_memory(4_KiB);
  Limits inverted = with_memory(64_MiB);
  inverted.memory_swap = 32_MiB;
  Limits swap_alone;
  swap_alone.memory_swap = 32_MiB;
  Limits shares;
  shares.cpu_shares = 1;
  Limits processors;
  processors.cpuset_cpus = "0-x";
  Limits weight;
  weight.blkio_weight = 5000;
  Limits score;
  score.oom_score_adj = 1001;
  for (const Limits& limits :
       {none, nan, tiny, inverted, swap_alone, shares, processors, weight, score}) {
    const auto group = manager_->create(name_, limits);
    ASSERT_FALSE(group);
    EXPECT_EQ(group.error().code(), ErrorCode::kInvalid) << group.error().text();
  }
  for (const char* name : {"", "../x", "a/b", "A", "a.b"}) {
    EXPECT_FALSE(manager_->create(name, {})) << name;
  }
}

TEST_F(CgroupLimits, SameNameTwiceIsRefusedAndLeavesTheFirst) {
  const auto group = create(with_memory(64_MiB));
  ASSERT_TRUE(group);
  const auto again = manager_->create(name_, {});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::kExists);
  EXPECT_EQ(control(name_, "pids", "pids.max", "pids.max"), "4096");
}

// A creator that is killed with a member still running; the member's pid comes through the pipe.
struct Orphan {
  pid_t creator;
  pid_t member;
};
Orphan make_orphan(const std::string& name, bool end_creator) {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return {-1, -1};
  const pid_t creator = ::fork();
  if (creator == 0) {
    auto manager = CgroupManager::open();
    auto group = manager->create(name, {});
    if (!group) ::_exit(1);
    const pid_t member = ::fork();
    if (member == 0) sleep_for_ever();
    if (!(*group)->add(member)) ::_exit(2);
    if (::write(fds[1], &member, sizeof member) != sizeof member) ::_exit(3);
    if (end_creator) ::raise(SIGKILL);
    sleep_for_ever();
  }
  ::close(fds[1]);
  Orphan orphan{creator, -1};
  EXPECT_EQ(::read(fds[0], &orphan.member, sizeof orphan.member), ssize_t{sizeof orphan.member});
  ::close(fds[0]);
  return orphan;
}

TEST_F(CgroupLimits, GroupsOfAKilledCreatorAreReaped) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const Orphan orphan = make_orphan(name_, true);
  ::waitpid(orphan.creator, nullptr, 0);
  const std::string own = directory_of(name_, "pids");
  ASSERT_NE(own, "");
  manager_->reap_orphans();
  EXPECT_FALSE(path_exists(own));
  int status = 0;
  EXPECT_EQ(::waitpid(orphan.member, &status, 0), orphan.member);
  EXPECT_TRUE(WIFSIGNALED(status));
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_F(CgroupLimits, GroupsOfALivingCreatorAreNotReaped) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const Orphan orphan = make_orphan(name_, false);
  manager_->reap_orphans();
  EXPECT_EQ(::kill(orphan.member, 0), 0);
  ::kill(orphan.creator, SIGKILL);
  ::waitpid(orphan.creator, nullptr, 0);
  manager_->reap_orphans();
  EXPECT_EQ(::waitpid(orphan.member, nullptr, 0), orphan.member);
  ::prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_F(CgroupLimits, ManyProcessesComeAndGoAtOnce) {
  // Each removes the empty base when it ends, under the others' feet.
  std::vector<pid_t> workers;
  for (int worker = 0; worker < 6; ++worker) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      for (int round = 0; round < 30; ++round) {
        auto manager = CgroupManager::open();
        auto group = manager->create("race", with_memory(64_MiB));
        if (!group) {
          std::fprintf(stderr, "%s\n", group.error().text().c_str());
          ::_exit(1);
        }
      }
      ::_exit(0);
    }
    workers.push_back(pid);
  }
  for (const pid_t pid : workers) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    EXPECT_EQ(status, 0);
  }
}

TEST_F(CgroupLimits, ThreadsMayCreateAtOnce) {
  std::vector<std::thread> threads;
  std::atomic<int> failures = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 20; ++round) {
        const auto name = name_ + "-" + std::to_string(i);
        if (!manager_->create(name, {})) ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failures, 0);
}

TEST(CgroupWithoutRights, NothingIsEnforcedAndThatIsSaid) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(2);
    auto manager = CgroupManager::open();
    auto group = manager->create("user", with_memory(64_MiB));
    if (!group || (*group)->clone_fd() != -1 || !(*group)->procs_fds().empty()) ::_exit(3);
    (*group)->kill_all();
    bool memory = false;
    for (const std::string& notice : manager->notices()) {
      memory = memory || notice.find("memory limits are not enforced") != notice.npos;
    }
    ::_exit(memory ? 0 : 4);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace slipway::sandbox
