#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "sandbox/policy/seccomp_table.h"

namespace slipway::sandbox::policy {

enum class Verdict : std::uint8_t { kAllow, kEperm, kEnosys, kCheck };

struct Rule {
  std::uint32_t number;
  Verdict verdict;
  Check check;  ///< With kCheck.
};

/// The rules of one system call table. Numbers without a rule get ENOSYS.
struct ArchRules {
  std::uint32_t audit_arch;        ///< AUDIT_ARCH_X86_64
  std::uint32_t end_of_numbers;    ///< Numbers from here on are another table (x32): ENOSYS.
  std::vector<Rule> rules;         ///< Sorted by number, no duplicates.
  std::vector<std::uint32_t> hot;  ///< Allowed numbers to test first.
};

/// The native architecture and the 32-bit one that its kernel also serves, by libseccomp's and Go's names.
struct ServedArchitecture {
  const char* name;    ///< "SCMP_ARCH_X86_64"
  const char* docker;  ///< "amd64"
  std::uint32_t audit;
  std::uint32_t end_of_numbers;
};
std::vector<ServedArchitecture> served_architectures();
/// Nothing when that architecture (by its place above) has no such call.
std::optional<std::uint32_t> call_number(std::size_t architecture, std::string_view name);

/// Classic BPF: the architecture is tested first (an unknown one kills the process), then hot
/// calls, then a binary search over runs of numbers with the same verdict. Pure.
std::vector<sock_filter> assemble(std::span<const ArchRules> architectures);

/// The table for the native architecture and the 32-bit one that its kernel also serves, for
/// holders of `capabilities`.
std::vector<ArchRules> rules_for(std::uint64_t capabilities);

}  // namespace slipway::sandbox::policy
