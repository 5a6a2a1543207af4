// The launch child: loops over the prepared operations with raw system calls only. Until kExecImage it may share the
// engine's memory (CLONE_VM), so it writes to its own stack and nowhere else; behind it, it is a program of its own.
#include "sandbox/launch/child/child.h"

#include <errno.h>
#include <fcntl.h>

#include "sandbox/launch/child/raw.h"

namespace slipway::sandbox {
namespace child {
namespace {

// In the order of OpCode.
constexpr Handler kHandlers[] = {
    exec_image,
    enter,
    spawn,
    report_pid,
    exit_now,
    serve,
    mind,
    subreaper,
    close_others,
    join_cgroup,
    await_byte,
    join_keyring,
    become_root,
    unshare_cgroup,
    set_hostname,
    set_domainname,
    loopback_up,
    mount_fs,
    clone_mount,
    set_attributes,
    check_device,
    attach,
    attach_target,
    hide,
    freeze_path,
    open_directory,
    open_root,
    make_directory,
    make_directories,
    make_file,
    make_link,
    write_control,
    pivot,
    leave_old_root,
    open_terminal,
    open_pts,
    send_descriptor,
    set_limit,
    drop_bounding,
    set_groups,
    set_ids,
    set_capabilities,
    no_new_privileges,
    install_filter,
    new_session,
    take_terminal,
    move_descriptor,
    keep_only,
    close_from,
    reset_signals,
    set_umask,
    set_profile,
    change_directory,
    exec_command,
};
static_assert(sizeof kHandlers / sizeof kHandlers[0] ==
              static_cast<std::size_t>(OpCode::kExecCommand) + 1);

}  // namespace

void run(State& state, std::size_t begin) {
  LaunchFailure failure{static_cast<std::uint32_t>(state.table->count), ENOEXEC};
  for (std::size_t i = begin; i < state.table->count; i++) {
    const Operation& operation = state.table->operations[i];
    const long result = kHandlers[static_cast<std::size_t>(operation.code)](state, operation);
    if (result >= 0) continue;
    failure = {static_cast<std::uint32_t>(i), static_cast<std::int32_t>(-result)};
    break;
  }
  raw::invoke(SYS_write, state.fd(kReport), &failure, static_cast<long>(sizeof failure));
  raw::exit_group(125);
}

int State::fd(std::int16_t place) const { return place == kNowhere ? AT_FDCWD : places[place]; }

void State::keep(std::int16_t place, int number) {
  if (places[place] >= 0) raw::invoke(SYS_close, places[place]);
  places[place] = number;
}

}  // namespace child

int launch_child(void* table) {
  child::State state;
  state.table = static_cast<const LaunchTable*>(table);
  for (int i = 0; i < kPlaces; i++) state.places[i] = state.table->descriptors[i];
  child::run(state, 0);
}

void launch_resume(const LaunchTable* table) {
  child::State state;
  state.table = table;
  for (int i = 0; i < kPlaces; i++) state.places[i] = table->descriptors[i];
  state.places[kPlan] = -1;  // Closed when it was mapped.
  child::run(state, table->resume);
}

}  // namespace slipway::sandbox
