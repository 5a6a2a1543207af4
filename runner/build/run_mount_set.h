#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "runner/build/build_state.h"
#include "runner/build/stage_plan.h"
#include "sandbox/spec.h"

namespace slipway::runner {

/// Where a mount's files come from, as directories to stack, bottom first; empty: from nowhere.
struct MountSource {
  InputTree* tree = nullptr;  ///< Borrowed.
};

/// A RUN's mounts made ready: what they need besides the spec lives as long as this object, and what was written to
/// read-write binds goes with it.
class RunMountSet {
 public:
  static Result<RunMountSet> prepare(BuildState& state, const PlannedStep& step,
                                     const std::vector<MountSource>& sources);
  RunMountSet();
  RunMountSet(RunMountSet&&) noexcept;
  RunMountSet& operator=(RunMountSet&&) noexcept;
  ~RunMountSet();

  const std::vector<sandbox::Mount>& mounts() const { return mounts_; }
  const NamedValues& variables() const {
    return variables_;
  }                                          ///< Secrets as variables, SSH_AUTH_SOCK.
  std::vector<std::string> targets() const;  ///< Absolute.

 private:
  struct Held;
  Status add(BuildState& state, const PlannedStep& step, const pipeline::RunMount& mount,
             const MountSource& source);
  Status add_bind(BuildState& state, const pipeline::RunMount& mount, const std::string& target,
                  const MountSource& source);
  Status add_cache(BuildState& state, const pipeline::RunMount& mount, const std::string& target,
                   const MountSource& source);
  Status add_secret(BuildState& state, const PlannedStep& step, const pipeline::RunMount& mount);
  Status add_ssh(BuildState& state, const pipeline::RunMount& mount, const std::string& target);
  Status add_script(BuildState& state, const RunPlan& run);

  std::vector<sandbox::Mount> mounts_;
  NamedValues variables_;
  std::unique_ptr<Held> held_;
  int agents_ = 0;
};

}  // namespace slipway::runner
