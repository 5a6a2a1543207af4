#pragma once

#include <string>
#include <vector>

#include "sandbox/launch/plan.h"
#include "sandbox/launch/prepare.h"
#include "sandbox/spec.h"

namespace slipway::sandbox {

/// Writes the whole launch, in the order in which it happens: isolation, root, mounts, profile, init, command.
/// Descriptors of pipes and stdio are put into their places by the caller (spawn.cc).
void build_plan(const ContainerSpec& spec, const IdSlot& slot, Prepared& prepared, int cgroups,
                Plan& plan);

// The parts, in order; each file explains itself.
void add_root(const ContainerSpec& spec, Prepared& prepared, Plan& plan);     // build_root.cc
void add_devices(const ContainerSpec& spec, const IdSlot& slot, Plan& plan);  // build_root.cc
void add_mounts(const ContainerSpec& spec, Prepared& prepared, Plan& plan);   // build_mounts.cc
void add_processes(const ContainerSpec& spec, const IdSlot& slot, Prepared& prepared,
                   Plan& plan);  // build_processes.cc

}  // namespace slipway::sandbox
