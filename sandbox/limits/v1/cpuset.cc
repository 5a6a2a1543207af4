// cgroup v1: which processors and memory nodes.
// Spec: Documentation/admin-guide/cgroup-v1/cpusets.rst
#include "base/text.h"
#include "sandbox/limits/controller.h"

namespace slipway::sandbox::limits {
namespace {

bool empty(const GroupDir& group, const char* file) {
  const auto text = group.read(file);
  return text && trim(*text).empty();
}

// A new group has neither processors nor nodes and takes no process: give it its parent's, which may be new as well.
Status inherit(const GroupDir& group, const char* file) {
  if (!empty(group, file)) return {};
  const std::size_t slash = group.path().rfind('/');
  const GroupDir parent = SLIP_TRY(GroupDir::open(group.path().substr(0, slash)));
  if (empty(parent, file)) SLIP_TRY(inherit(parent, file));
  const std::string text = SLIP_TRY(parent.read(file));
  return group.write(file, trim(text));
}

Status apply(const GroupDir& group, const Limits& limits) {
  SLIP_TRY(inherit(group, "cpuset.cpus"));
  SLIP_TRY(inherit(group, "cpuset.mems"));
  if (!limits.cpuset_cpus.empty()) SLIP_TRY(group.write("cpuset.cpus", limits.cpuset_cpus));
  if (!limits.cpuset_mems.empty()) SLIP_TRY(group.write("cpuset.mems", limits.cpuset_mems));
  return {};
}

}  // namespace

const Controller kV1Cpuset{
    .name = "cpuset",
    .resource = "limits on which processors",
    .wanted =
        [](const Limits& limits) {
          return !limits.cpuset_cpus.empty() || !limits.cpuset_mems.empty();
        },
    .apply = apply,
    .report = [](const GroupDir&, CgroupUsage&) {},
    .count = [](const GroupDir&, ResourceUsage&) {},
    .limited = [](const GroupDir&) { return false; },
    .rare = true,
};

}  // namespace slipway::sandbox::limits
