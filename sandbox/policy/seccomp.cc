// The cache of compiled filters.
#include <linux/audit.h>

#include <map>

#include "base/guarded.h"
#include "sandbox/policy/profile.h"
#include "sandbox/policy/seccomp_program.h"

namespace slipway::sandbox {
namespace {

using Cache = std::map<CapabilityMask, std::vector<sock_filter>>;

// Only these capabilities change the filter.
CapabilityMask relevant(CapabilityMask capabilities) {
  CapabilityMask mask = 0;
  for (const policy::CapabilityGroup& group : policy::capability_groups()) mask |= group.any_of;
  return capabilities & mask;
}

}  // namespace

Result<std::span<const sock_filter>> seccomp_filter(CapabilityMask capabilities) {
  static auto& cache = *new Guarded<Cache>;  // Never destroyed: spans into it stay valid for ever.
  return cache.with([&](Cache& compiled) -> Result<std::span<const sock_filter>> {
    const auto [at, fresh] = compiled.try_emplace(relevant(capabilities));
    if (fresh) at->second = policy::assemble(policy::rules_for(capabilities));
    if (at->second.size() > BPF_MAXINSNS) {
      return fail(ErrorCode::kInternal, "compile seccomp filter: more than 4096 instructions");
    }
    return std::span<const sock_filter>(at->second);
  });
}

}  // namespace slipway::sandbox
