#pragma once

#include <span>
#include <string>
#include <vector>

#include "sandbox/launch/plan.h"
#include "sandbox/launch/prepare.h"
#include "sandbox/spec.h"

namespace slipway::sandbox {

/// Writes the whole launch, in the order in which it happens: isolation, root, mounts, profile, init, command.
/// Descriptors of pipes and stdio are put into their places by the caller (spawn.cc).
Status build_plan(const ContainerSpec& spec, const IdSlot& slot, Prepared& prepared, int cgroups,
                  Plan& plan);

// The parts, in order; each file explains itself.
void add_root(const ContainerSpec& spec, Prepared& prepared, Plan& plan);  // build_root.cc
void add_devices(const ContainerSpec& spec, const IdSlot& slot, Prepared& prepared,
                 Plan& plan);                                                // build_root.cc
void add_mounts(const ContainerSpec& spec, Prepared& prepared, Plan& plan);  // build_mounts.cc
void add_processes(const ContainerSpec& spec, const IdSlot& slot, const Prepared& prepared,
                   Plan& plan);  // build_processes.cc

// What a container's command and a process that is put into it have in common: build_command.cc.

/// Letters of descriptors that are sent to the engine.
inline constexpr char kSentMaster = 'm';
inline constexpr char kSentPidfd = 'p';

struct Command {
  const ProcessSpec& process;
  const UserIds& user;
  const Confinement& confinement;
  std::uint64_t capabilities = 0;
  std::span<const sock_filter> filter;
  bool set_groups = true;  ///< setgroups(2) is allowed.
  bool wait_for_init = false;
};
/// Everything from a new session to exec.
void add_command(const Command& command, Plan& plan);
/// `code` opens both sides; the master is sent.
void add_terminal_pair(OpCode code, const Terminal& size, const UserIds& user, Plan& plan);
void add_move(Plan& plan, std::int16_t in, unsigned number);
void add_filter(Plan& plan, std::span<const sock_filter> filter);
void add_capabilities(Plan& plan, std::uint64_t mask);
void add_bounding(Plan& plan, std::uint64_t mask);

}  // namespace slipway::sandbox
