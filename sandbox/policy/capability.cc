// Capability names and sets.
#include <linux/capability.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>

#include "base/files.h"
#include "base/text.h"
#include "sandbox/policy/profile.h"

namespace slipway::sandbox {
namespace {

// Spec: linux/capability.h; the index is the number.
constexpr std::array<const char*, 41> kNames = {
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
};

std::vector<std::string> known_names() {
  std::vector<std::string> names(kNames.begin(), kNames.end());
  names.emplace_back("ALL");
  return names;
}

CapabilityMask all_capabilities() { return (CapabilityMask{2} << last_capability()) - 1; }

// Kernels may know more than this table; numbers without a name can only be had through ALL.
Result<CapabilityMask> mask_of(const std::string& given) {
  std::string name = given;
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : static_cast<char>(c);
  });
  if (name.rfind("CAP_", 0) == 0) name.erase(0, 4);
  if (name == "ALL") return all_capabilities();
  for (std::size_t number = 0; number < kNames.size(); ++number) {
    if (name == kNames[number]) return CapabilityMask{1} << number;
  }
  std::string text = "use capability \"" + printable(given) + "\": unknown name";
  if (const auto near = did_you_mean(name, known_names()))
    text += "; did you mean \"" + *near + "\"?";
  return fail(ErrorCode::kInvalid, std::move(text));
}

// The bounding set, not the permitted one: an ordinary user gets all of it inside a user namespace.
CapabilityMask holdable() {
  CapabilityMask mask = 0;
  for (int number = 0; number <= last_capability(); ++number) {
    if (::prctl(PR_CAPBSET_READ, number, 0, 0, 0) == 1) mask |= CapabilityMask{1} << number;
  }
  return mask;
}

}  // namespace

int last_capability() {
  static const int last = [] {
    const auto text = read_file("/proc/sys/kernel/cap_last_cap", 64_KiB);
    const auto number = text ? parse_int(trim(*text)) : std::nullopt;
    return number && *number >= 0 && *number < 63 ? static_cast<int>(*number)
                                                  : static_cast<int>(kNames.size()) - 1;
  }();
  return last;
}

std::string capability_name(int number) {
  if (number >= 0 && static_cast<std::size_t>(number) < kNames.size()) {
    return std::string("CAP_") + kNames[static_cast<std::size_t>(number)];
  }
  return "CAP_" + std::to_string(number);
}

Result<CapabilityMask> capability_mask(const std::vector<std::string>& add,
                                       const std::vector<std::string>& drop) {
  CapabilityMask mask = kDefaultCapabilities;
  // As docker: ALL is a starting point, names given singly win over it.
  CapabilityMask added = 0;
  CapabilityMask dropped = 0;
  for (const std::string& name : add) {
    const CapabilityMask bits = SLIP_TRY(mask_of(name));
    (bits == all_capabilities() ? mask : added) |= bits;
  }
  for (const std::string& name : drop) {
    const CapabilityMask bits = SLIP_TRY(mask_of(name));
    if (bits == all_capabilities())
      mask = 0;
    else
      dropped |= bits;
  }
  return ((mask | added) & ~dropped) & holdable();
}

}  // namespace slipway::sandbox
