#pragma once

#include <sys/types.h>

#include <optional>
#include <utility>

#include "base/fd.h"
#include "base/result.h"
#include "sandbox/ids/id_slots.h"
#include "sandbox/ids/user_lookup.h"
#include "sandbox/launch/plan.h"
#include "sandbox/limits/cgroup.h"
#include "sandbox/outcome.h"
#include "sandbox/spec.h"

namespace slipway::sandbox {

/// What starting a container and putting a process into one have in common: the parent's side of a plan.

struct Child {
  pid_t pid = -1;
  Fd pidfd;
};

/// Memory of the child until its first exec, with a guard page below.
class ChildStack {
 public:
  static Result<ChildStack> make();
  ChildStack(ChildStack&& other) noexcept;
  ~ChildStack();
  char* lower() const;
  static std::size_t size();

 private:
  ChildStack() = default;
  void* base_;
};

enum class Memory { kShared, kCopied };
/// Runs the plan's first operations in a new process. `flags` are namespaces.
Result<Child> clone_child(std::uint64_t flags, Memory memory, const Cgroup& cgroup,
                          const ChildStack& stack, LaunchTable& table);
/// Sharing memory saves copying the engine's page tables. See the reasons against it in process.cc.
Memory best_memory(std::optional<int> oom_score_adj);
/// SIGKILL, and reaps.
void end_child(const Child& child);

/// A pipe whose write end is the child's.
Result<Fd> pipe_from_child(Plan& plan, std::int16_t place);
Result<Fd> pipe_to_child(Plan& plan, std::int16_t place);
/// A socket where a pipe would raise SIGPIPE in the engine if the child is gone.
Result<Fd> socket_to_child(Plan& plan, std::int16_t place);
/// The process's streams and /dev/null.
Status place_stdio(const ProcessSpec& process, const IdSlot& slot, const UserIds& user, Plan& plan);
void place_cgroups(const Cgroup& cgroup, Plan& plan);

/// The next record of the report; nothing at its end, when every process has run its own program.
Result<std::optional<LaunchFailure>> read_report(int report);
/// The next descriptor that a child sent, with its letter.
Result<std::pair<char, Fd>> receive_descriptor(int socket);

/// A failure that is the job's: as an outcome. Nothing when the engine is to blame.
std::optional<Outcome> job_failure(const Plan& plan, const LaunchFailure& failure);
Error engine_error(const Plan& plan, const LaunchFailure& failure);

}  // namespace slipway::sandbox
