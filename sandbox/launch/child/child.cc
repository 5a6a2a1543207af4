// The launch child: loops over the prepared operations with raw system calls only. It may share the
// engine's memory (CLONE_VM), so it writes to its own stack and nowhere else.
#include "sandbox/launch/child/child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>

#include "sandbox/launch/child/clone.h"
#include "sandbox/launch/child/raw.h"

namespace slipway::sandbox {
namespace child {
namespace {

long spawn_command(State& state, const Operation& operation);

// In the order of OpCode.
constexpr Handler kHandlers[] = {
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
    send_master,
    spawn_command,
    exec_init,
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
    reset_signals,
    set_umask,
    change_directory,
    exec_command,
};
static_assert(sizeof kHandlers / sizeof kHandlers[0] ==
              static_cast<std::size_t>(OpCode::kExecCommand) + 1);

// Never returns: the last operation is an exec.
[[noreturn]] void run(State& state, std::size_t begin, std::size_t end) {
  LaunchFailure failure{static_cast<std::uint32_t>(end), ENOEXEC};
  for (std::size_t i = begin; i < end; i++) {
    const Operation& operation = state.table->operations[i];
    const long result = kHandlers[static_cast<std::size_t>(operation.code)](state, operation);
    if (result >= 0) continue;
    failure = {static_cast<std::uint32_t>(i), static_cast<std::int32_t>(-result)};
    break;
  }
  raw::invoke(SYS_write, state.fd(kReport), &failure, static_cast<long>(sizeof failure));
  raw::exit_group(125);
}

int command_main(void* argument) {
  const State* parent = static_cast<const State*>(argument);
  State state = *parent;
  run(state, state.table->command_begin, state.table->count);
}

// The command's process shares this one's memory until it execs; both only read what they share.
long spawn_command(State& state, const Operation&) {
  CloneArguments arguments;
  arguments.flags = CLONE_VM;
  arguments.exit_signal = SIGCHLD;
  arguments.stack = reinterpret_cast<std::uint64_t>(state.table->command_stack);
  arguments.stack_size = state.table->command_stack_size;
  const long pid = slipway_clone3(&arguments, sizeof arguments, command_main, &state);
  if (pid < 0) return pid;
  state.command_pid = static_cast<int>(pid);
  return 0;
}

}  // namespace

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
  child::run(state, 0, state.table->command_begin);
}

}  // namespace slipway::sandbox
