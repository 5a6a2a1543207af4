#pragma once

#include <cstdint>
#include <span>

namespace slipway::sandbox::policy {

/// Which test decides about a system call that is allowed for some arguments only.
enum class Check : std::uint8_t { kSocketFamily, kCloneFlags, kPersonality, kIoctlCommand };

/// System calls of one subject that everybody may make. Names separated by spaces; a name that an
/// architecture does not have is skipped there. `name=NUMBER` is for calls newer than the build
/// machine's libseccomp: since Linux 5.1 new calls have the same number on all architectures.
struct AllowedGroup {
  const char* subject;
  const char* names;
};
std::span<const AllowedGroup> allowed_groups();

/// Allowed without a test for holders of any capability in the mask, else handled as `otherwise`
/// says.
enum class Otherwise : std::uint8_t { kEperm, kEnosys, kCheck };
struct CapabilityGroup {
  std::uint64_t any_of;
  Otherwise otherwise;
  const char* names;
};
std::span<const CapabilityGroup> capability_groups();

struct CheckedCall {
  const char* name;
  Check check;
};
std::span<const CheckedCall> checked_calls();

/// EPERM for everybody. Whatever is in no list gets ENOSYS: the C library then takes its older way.
std::span<const AllowedGroup> denied_groups();

/// The hottest calls, tested before the search. Linux 5.11 caches plain verdicts per call, older
/// kernels gain by this.
std::span<const char* const> hot_calls();

}  // namespace slipway::sandbox::policy
