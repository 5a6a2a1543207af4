#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sandbox/policy/profile.h"

namespace slipway::sandbox {

/// Docker's JSON format of seccomp profiles: read strictly, then made a program by our own assembler.
/// Spec: Docker documentation, "Seccomp security profiles for Docker"; moby/profiles, seccomp.go.

enum class ArgumentTest {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreaterEqual,
  kGreater,
  kMaskedEqual
};
struct ArgumentRule {
  unsigned index = 0;
  std::uint64_t value = 0;      ///< The mask with kMaskedEqual.
  std::uint64_t value_two = 0;  ///< What must be left of it.
  ArgumentTest test = ArgumentTest::kEqual;
};
struct CallRule {
  std::vector<std::string> names;
  std::uint32_t action = 0;  ///< SECCOMP_RET_*
  /// Alternatives; in each all must hold. Empty: always.
  std::vector<std::vector<ArgumentRule>> arguments;
};
struct SeccompProfile {
  std::uint32_t default_action = 0;
  std::vector<bool> architectures;  ///< In the order of served_architectures().
  std::vector<CallRule> rules;      ///< Those that apply to these capabilities and this kernel.
};

/// kInvalid names the member: "syscalls[3].args[0].op: …".
Result<SeccompProfile> parse_seccomp_profile(std::string_view json, CapabilityMask capabilities);
/// The first rule of the file that matches a call decides. As runc does, calls newer than any that the profile knows
/// get ENOSYS where the default is an error, so that new C libraries fall back. kExhausted: too many for the kernel.
Result<std::vector<sock_filter>> assemble_seccomp_profile(const SeccompProfile& profile);
Result<std::vector<sock_filter>> compile_seccomp_profile(std::string_view json,
                                                         CapabilityMask capabilities);

}  // namespace slipway::sandbox
