// From the table's names to numbers of this machine's architectures. The only user of libseccomp:
// it knows the numbers.
#include <linux/audit.h>
#include <seccomp.h>
#include <stdlib.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/text.h"
#include "sandbox/policy/seccomp_program.h"

namespace slipway::sandbox::policy {
namespace {

struct Architecture {
  std::uint32_t scmp;
  ServedArchitecture served;
};

// First the native one, then the 32-bit one that the same kernel serves (int 0x80 on amd64).
#if defined(__x86_64__)
// Spec: asm/unistd.h, __X32_SYSCALL_BIT: the third table of amd64.
constexpr Architecture kArchitectures[] = {
    {SCMP_ARCH_X86_64, {"SCMP_ARCH_X86_64", "amd64", AUDIT_ARCH_X86_64, 0x40000000}},
    {SCMP_ARCH_X86, {"SCMP_ARCH_X86", "x86", AUDIT_ARCH_I386, 0xffffffff}},
};
#elif defined(__aarch64__)
constexpr Architecture kArchitectures[] = {
    {SCMP_ARCH_AARCH64, {"SCMP_ARCH_AARCH64", "arm64", AUDIT_ARCH_AARCH64, 0xffffffff}},
    {SCMP_ARCH_ARM, {"SCMP_ARCH_ARM", "arm", AUDIT_ARCH_ARM, 0xffffffff}},
};
#else
#error "add this architecture's system call tables"
#endif

// libseccomp hides the direct numbers of calls that i386 can also make through socketcall and ipc
// behind pseudo numbers; the reverse look-up has them. Linux 4.3 added 359-373, Linux 5.1 added
// 393-402.
std::map<std::string, std::uint32_t, std::less<>> hidden_numbers(std::uint32_t scmp) {
  std::map<std::string, std::uint32_t, std::less<>> hidden;
  if (scmp != SCMP_ARCH_X86) return hidden;
  for (int number = 359; number <= 402; ++number) {
    const std::unique_ptr<char, decltype(&::free)> name(
        seccomp_syscall_resolve_num_arch(scmp, number), &::free);
    if (name) hidden[name.get()] = static_cast<std::uint32_t>(number);
  }
  return hidden;
}

class Numbers {
 public:
  explicit Numbers(std::uint32_t scmp) : scmp_(scmp), hidden_(hidden_numbers(scmp)) {}

  // `name` or `name=NUMBER`; nothing when the architecture has no such call.
  std::optional<std::uint32_t> find(std::string_view word) const {
    const std::size_t equals = word.find('=');
    const std::string name(word.substr(0, equals));
    const int number = seccomp_syscall_resolve_name_arch(scmp_, name.c_str());
    if (number >= 0) return static_cast<std::uint32_t>(number);
    const auto at = hidden_.find(name);
    if (at != hidden_.end()) return at->second;
    if (equals == word.npos) return std::nullopt;
    const auto given = parse_int(word.substr(equals + 1));
    if (!given) return std::nullopt;
    return static_cast<std::uint32_t>(*given);
  }

 private:
  std::uint32_t scmp_;
  std::map<std::string, std::uint32_t, std::less<>> hidden_;
};

class Collector {
 public:
  explicit Collector(std::uint32_t scmp) : numbers_(scmp) {}

  void add(std::string_view names, Verdict verdict, Check check = {}) {
    for (std::string_view word : split(names, ' ')) {
      const auto number = word.empty() ? std::nullopt : numbers_.find(word);
      if (number) rules_[*number] = Rule{*number, verdict, check};
    }
  }

  std::vector<std::uint32_t> hot() const {
    std::vector<std::uint32_t> found;
    for (const char* name : hot_calls()) {
      const auto number = numbers_.find(name);
      const auto rule = number ? rules_.find(*number) : rules_.end();
      if (rule != rules_.end() && rule->second.verdict == Verdict::kAllow) found.push_back(*number);
    }
    return found;
  }

  std::vector<Rule> sorted() const {
    std::vector<Rule> rules;
    for (const auto& [number, rule] : rules_) rules.push_back(rule);
    return rules;
  }

 private:
  Numbers numbers_;
  std::map<std::uint32_t, Rule> rules_;
};

void add_capability_group(Collector& rules, const CapabilityGroup& group, std::uint64_t held) {
  if ((held & group.any_of) != 0) return rules.add(group.names, Verdict::kAllow);
  if (group.otherwise == Otherwise::kEperm) return rules.add(group.names, Verdict::kEperm);
  if (group.otherwise == Otherwise::kEnosys) return rules.add(group.names, Verdict::kEnosys);
  // kCheck: the test of checked_calls() stays.
}

const std::vector<Numbers>& all_numbers() {
  static const auto& numbers = *new std::vector<Numbers>([] {
    std::vector<Numbers> made;
    for (const Architecture& architecture : kArchitectures) made.emplace_back(architecture.scmp);
    return made;
  }());
  return numbers;
}

}  // namespace

std::vector<ServedArchitecture> served_architectures() {
  std::vector<ServedArchitecture> served;
  for (const Architecture& architecture : kArchitectures) served.push_back(architecture.served);
  return served;
}

std::optional<std::uint32_t> call_number(std::size_t architecture, std::string_view name) {
  return all_numbers()[architecture].find(name);
}

std::vector<ArchRules> rules_for(std::uint64_t capabilities) {
  std::vector<ArchRules> all;
  for (const Architecture& architecture : kArchitectures) {
    Collector rules(architecture.scmp);
    for (const AllowedGroup& group : denied_groups()) rules.add(group.names, Verdict::kEperm);
    for (const AllowedGroup& group : allowed_groups()) rules.add(group.names, Verdict::kAllow);
    for (const CheckedCall& call : checked_calls()) {
      rules.add(call.name, Verdict::kCheck, call.check);
    }
    for (const CapabilityGroup& group : capability_groups()) {
      add_capability_group(rules, group, capabilities);
    }
    all.push_back({architecture.served.audit, architecture.served.end_of_numbers, rules.sorted(),
                   rules.hot()});
  }
  return all;
}

}  // namespace slipway::sandbox::policy
