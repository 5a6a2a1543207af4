#pragma once

#include "sandbox/launch/child/operation.h"

/// Shared by the files of the launch child only. Every function returns 0 (or a descriptor) or -errno.
namespace slipway::sandbox::child {

struct State {
  const LaunchTable* table = nullptr;
  int places[kPlaces];
  int child_pid = 0;  ///< What kSpawn made.

  int fd(std::int16_t place) const;           ///< AT_FDCWD for kNowhere.
  void keep(std::int16_t place, int number);  ///< Closes what the place held before.
};

using Handler = long (*)(State& state, const Operation& operation);

// mount_operations.cc
long mount_fs(State& state, const Operation& operation);
long clone_mount(State& state, const Operation& operation);
long set_attributes(State& state, const Operation& operation);
long check_device(State& state, const Operation& operation);
long attach(State& state, const Operation& operation);
long attach_target(State& state, const Operation& operation);
long hide(State& state, const Operation& operation);
long freeze_path(State& state, const Operation& operation);
long pivot(State& state, const Operation& operation);
long leave_old_root(State& state, const Operation& operation);

// path_operations.cc
long open_directory(State& state, const Operation& operation);
long open_root(State& state, const Operation& operation);
long make_directory(State& state, const Operation& operation);
long make_directories(State& state, const Operation& operation);
long make_file(State& state, const Operation& operation);
long make_link(State& state, const Operation& operation);
long write_control(State& state, const Operation& operation);
/// openat2 with O_CLOEXEC.
long open_how(int at, const char* path, std::uint64_t flags, std::uint64_t resolve);
/// O_PATH descriptor of `path` in the root, made with everything above it when missing; `made` says whether it was.
long ensure_target(int root, const char* path, bool directory, bool* made);

// process_operations.cc
long join_keyring(State& state, const Operation& operation);
long become_root(State& state, const Operation& operation);
long unshare_cgroup(State& state, const Operation& operation);
long set_hostname(State& state, const Operation& operation);
long set_domainname(State& state, const Operation& operation);
long loopback_up(State& state, const Operation& operation);
long set_limit(State& state, const Operation& operation);
long drop_bounding(State& state, const Operation& operation);
long set_groups(State& state, const Operation& operation);
long set_ids(State& state, const Operation& operation);
long set_capabilities(State& state, const Operation& operation);
long no_new_privileges(State& state, const Operation& operation);
long install_filter(State& state, const Operation& operation);
long new_session(State& state, const Operation& operation);
long reset_signals(State& state, const Operation& operation);
long set_umask(State& state, const Operation& operation);
long set_profile(State& state, const Operation& operation);
long change_directory(State& state, const Operation& operation);
long exec_command(State& state, const Operation& operation);
long exec_image(State& state, const Operation& operation);

// descriptor_operations.cc
long close_others(State& state, const Operation& operation);
long join_cgroup(State& state, const Operation& operation);
long await_byte(State& state, const Operation& operation);
long open_terminal(State& state, const Operation& operation);
long open_pts(State& state, const Operation& operation);
long send_descriptor(State& state, const Operation& operation);
long take_terminal(State& state, const Operation& operation);
long move_descriptor(State& state, const Operation& operation);
long keep_only(State& state, const Operation& operation);
long close_from(State& state, const Operation& operation);

// spawn.cc
long enter(State& state, const Operation& operation);
long spawn(State& state, const Operation& operation);
long report_pid(State& state, const Operation& operation);
long exit_now(State& state, const Operation& operation);
long subreaper(State& state, const Operation& operation);
/// Runs operations from `begin` on; the last one never returns.
[[noreturn]] void run(State& state, std::size_t begin);

// serve.cc
long serve(State& state, const Operation& operation);
long mind(State& state, const Operation& operation);

}  // namespace slipway::sandbox::child
