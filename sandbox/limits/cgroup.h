#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "sandbox/spec.h"

namespace slipway::sandbox {

/// What was used and whether the kernel killed for memory; read before the cgroup is removed.
struct CgroupUsage {
  std::chrono::microseconds cpu_user{0};
  std::chrono::microseconds cpu_system{0};
  ByteCount peak_memory;
  bool oom_killed = false;
};

/// One container's cgroup in every hierarchy that its limits need (v1, hybrid or v2), always below `slipway/`.
/// Only what is asked is made: a hierarchy costs about 50 us to make and remove.
class Cgroup {
 public:
  virtual ~Cgroup() = default;  ///< Kills what is inside, then removes; never fails.
  /// v2: a descriptor for clone3's CLONE_INTO_CGROUP; -1 where processes must be added by writing procs files.
  virtual int clone_fd() const = 0;
  /// v1: descriptors of the cgroup.procs files; writing "0" moves the writer in. For the launch child.
  virtual const std::vector<int>& procs_fds() const = 0;
  virtual Status add(int pid) = 0;  ///< From the parent, for all hierarchies at once.
  virtual CgroupUsage usage() const = 0;
  virtual void kill_all() = 0;  ///< cgroup.kill where the kernel has it (Linux 5.14), else freeze-and-kill.
};

/// Finds the machine's hierarchies once; knows what can be enforced.
class CgroupManager {
 public:
  /// Never fails: a machine without usable cgroups gives a manager that enforces nothing and says so in notices().
  static std::unique_ptr<CgroupManager> open();
  virtual ~CgroupManager() = default;
  virtual Result<std::unique_ptr<Cgroup>> create(const std::string& name, const Limits& limits) = 0;
  virtual const std::vector<std::string>& notices() const = 0;
  /// Removes cgroups of ours whose creating process is gone (after kill -9). Cheap when there are none.
  virtual void reap_orphans() = 0;
};

}  // namespace slipway::sandbox
