// cgroup v2: passing controllers down the tree.
#include "sandbox/limits/v2/delegation.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "sandbox/limits/base.h"
#include "sandbox/limits/group_name.h"

namespace slipway::sandbox::limits {
namespace {

std::string missing_controllers(const GroupDir& group, const Base& base) {
  const auto text = group.read("cgroup.subtree_control");
  const auto enabled = split(trim(text ? *text : ""), ' ');
  std::string missing;
  for (const Controller* controller : base.controllers) {
    if (std::find(enabled.begin(), enabled.end(), controller->name) != enabled.end()) continue;
    missing += std::string(missing.empty() ? "+" : " +") + controller->name;
  }
  return missing;
}

// In one write: half of them can turn the group into the root of a threaded subtree, which then refuses the rest.
Status enable(const GroupDir& group, const Base& base) {
  const std::string missing = missing_controllers(group, base);
  return missing.empty() ? Status{} : group.write("cgroup.subtree_control", missing);
}

// Our own leaf has the form of a container's group, so that the next run removes it after our
// death.
Status move_to_leaf(const Base& base) {
  const std::string name = kLeafPrefix + creator_mark();
  auto leaf = GroupDir::make(base.path(), name);
  if (!leaf && leaf.error().code() == ErrorCode::kExists) {
    leaf = GroupDir::open(base.path() + "/" + name);
  }
  if (!leaf) return fail(std::move(leaf).error());
  return leaf->write("cgroup.procs", std::to_string(::getpid()));
}

// Leaves `parent` without members.
Status vacate(const GroupDir& parent, const Base& base) {
  std::vector<int> inside = members(parent);
  if (std::find(inside.begin(), inside.end(), ::getpid()) != inside.end()) {
    SLIP_TRY(move_to_leaf(base));
    inside = members(parent);
  }
  if (inside.empty()) return {};
  return fail(ErrorCode::kUnavailable, "hand down controllers of " + base.parent +
                                           ": other processes are members of this cgroup; " +
                                           kDelegationHint);
}

}  // namespace

Status hand_down_controllers(const Base& base) {
  const GroupDir parent = SLIP_TRY(GroupDir::open(base.parent));
  const bool root = ::faccessat(parent.fd(), "cgroup.type", F_OK, 0) != 0;
  if (!root && !missing_controllers(parent, base).empty()) SLIP_TRY(vacate(parent, base));
  SLIP_TRY(enable(parent, base));
  return enable(SLIP_TRY(GroupDir::open(base.path())), base);
}

}  // namespace slipway::sandbox::limits
