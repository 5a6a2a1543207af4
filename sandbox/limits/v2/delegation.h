#pragma once

#include "base/result.h"

namespace slipway::sandbox::limits {

struct Base;

inline constexpr char kDelegationHint[] =
    "start it as: systemd-run --user --scope -p Delegate=yes runner …";

/// Our own leaf is called this and then as in group_name.h; below a base its path ends in kLeafMark….
inline constexpr char kLeafPrefix[] = "engine.";
inline constexpr char kLeafMark[] = "/slipway/engine.";

/// Enables the base's controllers in its parent and in itself, so that groups below it can have
/// limits. Spec: Documentation/admin-guide/cgroup-v2.rst, "No Internal Process Constraint": a group
/// other than the root has either members or controllers for its children. If we are a member of
/// the parent, we move to a leaf below the base first; if others are, too, this is kUnavailable.
Status hand_down_controllers(const Base& base);

}  // namespace slipway::sandbox::limits
