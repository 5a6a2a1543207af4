#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "sandbox/limits/device_rules.h"
#include "sandbox/spec.h"

namespace slipway::sandbox {

/// What was used and whether the kernel killed for memory; read it before the cgroup is removed. A
/// zero means "not counted here": no memory cgroup is made without a memory limit, and then
/// getrusage(2) of the reaped init is the source.
struct CgroupUsage {
  std::chrono::microseconds cpu_user{0};
  std::chrono::microseconds cpu_system{0};
  ByteCount peak_memory;
  bool oom_killed = false;
};

/// Whether a group is made in every hierarchy that counts something, or only where there is a limit.
enum class Counting { kWhatIsLimited, kAll };

/// One container's cgroup in every hierarchy that its limits need (v1, hybrid or v2), always below
/// `slipway/`. Only what is asked is made (a hierarchy costs about 50 us to make and remove): the
/// pids limit and, where the machine has it, the unified tree for cgroup.kill are always there.
///
/// How a process gets in, cheapest first:
///   1. clone3(CLONE_INTO_CGROUP) with clone_fd(): no cost. Covers the unified tree.
///   2. the new process, while it has one thread, writes "0" to each of procs_fds(): about 10 us
///   each. These are v1 `tasks`
///      files, not cgroup.procs: a thread that moves itself needs no RCU grace period (Linux 5.5),
///      any other way of moving waits 5 to 20 ms for one. Rights are those of the opener, so it may
///      be done after entering a user namespace.
///   3. add() from outside: the slow way.
/// A cgroup namespace takes its root from where its creator is: unshare(CLONE_NEWCGROUP) after 2,
/// not in clone's flags.
class Cgroup {
 public:
  virtual ~Cgroup() =
      default;  ///< Kills what is inside, waits for it (bounded), then removes; never fails.
  virtual int clone_fd()
      const = 0;  ///< -1 where there is no unified tree or nothing may be made in it.
  virtual const std::vector<int>& procs_fds() const = 0;
  virtual Status add(int pid) = 0;  ///< From the parent, for all hierarchies at once.
  virtual CgroupUsage usage() const = 0;
  virtual ResourceUsage count() const = 0;
  virtual std::vector<int> processes() const = 0;  ///< Pids of all members.
  /// Limits of living members: what is given, and pids. Groups that were not needed so far are made and the members
  /// moved. kUnsupported names a limit that this machine has no controller for.
  virtual Status update(const Limits& limits) = 0;
  /// Returns when nothing inside runs any more (bounded). Unified tree, else v1's freezer; kUnsupported without both.
  virtual Status freeze() = 0;
  virtual Status thaw() = 0;
  /// What of the limits could not be had, for saying once.
  virtual const std::vector<std::string>& warnings() const = 0;
  /// SIGKILL to everything inside: cgroup.kill (Linux 5.14), else member by member with forking
  /// stopped by pids.max = 0.
  virtual void kill_all() = 0;
};

/// Finds the machine's hierarchies once; knows what can be enforced.
class CgroupManager {
 public:
  /// Never fails: a machine without usable cgroups gives a manager that enforces nothing and says
  /// so in notices().
  static std::unique_ptr<CgroupManager> open();
  virtual ~CgroupManager() = default;  ///< Removes the empty `slipway/` directories.
  /// `name` as in ContainerSpec. Limits that the machine cannot enforce are left out (see
  /// notices()); kInvalid for senseless ones. Thread-safe. The manager must outlive its cgroups.
  /// `devices`: what may be done with devices; null: anything. Where rules cannot be had, a warning() says so.
  virtual Result<std::unique_ptr<Cgroup>> create(const std::string& name, const Limits& limits,
                                                 Counting counting = Counting::kWhatIsLimited,
                                                 const limits::DeviceRules* devices = nullptr) = 0;
  virtual const std::vector<std::string>& notices() const = 0;
  /// Removes cgroups of ours whose creating process is gone (after kill -9), killing what still
  /// runs in them. Cheap when there are none.
  virtual void reap_orphans() = 0;
};

}  // namespace slipway::sandbox
