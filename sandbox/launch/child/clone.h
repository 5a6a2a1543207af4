#pragma once

#include <cstdint>

/// clone3(2) with a stack of its own and a function to run on it: with CLONE_VM the child must not return through the
/// parent's frames. Returns the child's pid or -errno. The function's result is the child's exit status.
/// Linux 5.3: clone3(2), struct clone_args; CLONE_INTO_CGROUP since 5.7.
namespace slipway::sandbox {

// From linux/sched.h, which does not go together with glibc's sched.h.
inline constexpr std::uint64_t kCloneClearSignalHandlers = 0x100000000;  // Linux 5.5
inline constexpr std::uint64_t kCloneIntoCgroup = 0x200000000;           // Linux 5.7

struct alignas(8) CloneArguments {
  std::uint64_t flags = 0;
  std::uint64_t pidfd = 0;
  std::uint64_t child_tid = 0;
  std::uint64_t parent_tid = 0;
  std::uint64_t exit_signal = 0;
  std::uint64_t stack = 0;
  std::uint64_t stack_size = 0;
  std::uint64_t tls = 0;
  std::uint64_t set_tid = 0;
  std::uint64_t set_tid_size = 0;
  std::uint64_t cgroup = 0;
};

extern "C" long slipway_clone3(const CloneArguments* arguments, std::uint64_t size,
                               int (*run)(void*), void* argument);

}  // namespace slipway::sandbox
