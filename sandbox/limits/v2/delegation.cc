// cgroup v2: passing controllers down the tree.
#include "sandbox/limits/v2/delegation.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/text.h"
#include "sandbox/limits/base.h"
#include "sandbox/limits/group_name.h"

namespace slipway::sandbox::limits {
namespace {

Status enable(const GroupDir& group, const Base& base) {
  const std::string text = SLIP_TRY(group.read("cgroup.subtree_control"));
  const auto enabled = split(trim(text), ' ');
  for (const Controller* controller : base.controllers) {
    if (std::find(enabled.begin(), enabled.end(), controller->name) != enabled.end()) continue;
    SLIP_TRY(group.write("cgroup.subtree_control", std::string("+") + controller->name));
  }
  return {};
}

// Our own leaf has the form of a container's group, so that the next run removes it after our
// death.
Status move_to_leaf(const Base& base) {
  const std::string name = "engine." + creator_mark();
  auto leaf = GroupDir::make(base.path(), name);
  if (!leaf && leaf.error().code() == ErrorCode::kExists) {
    leaf = GroupDir::open(base.path() + "/" + name);
  }
  if (!leaf) return fail(std::move(leaf).error());
  return leaf->write("cgroup.procs", std::to_string(::getpid()));
}

}  // namespace

Status hand_down_controllers(const Base& base) {
  const GroupDir parent = SLIP_TRY(GroupDir::open(base.parent));
  auto enabled = enable(parent, base);
  if (!enabled && enabled.error().sys_errno() == EBUSY) {
    SLIP_TRY(move_to_leaf(base));
    enabled = enable(parent, base);
  }
  if (!enabled && enabled.error().sys_errno() == EBUSY) {
    return fail(ErrorCode::kUnavailable, "hand down controllers of " + base.parent +
                                             ": other processes are members of this cgroup; " +
                                             kDelegationHint);
  }
  SLIP_TRY(std::move(enabled));
  return enable(SLIP_TRY(GroupDir::open(base.path())), base);
}

}  // namespace slipway::sandbox::limits
