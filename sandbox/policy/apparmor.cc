// AppArmor: whether it is there and has a profile. The command takes it on by itself (see set_profile of the child).
#include "sandbox/policy/apparmor.h"

#include "base/files.h"
#include "base/text.h"

namespace slipway::sandbox {
namespace {

constexpr const char* kEnabled = "/sys/module/apparmor/parameters/enabled";
constexpr const char* kLoaded = "/sys/kernel/security/apparmor/profiles";

// Linux: security/apparmor/apparmorfs.c: a line is "NAME (MODE)".
bool is_loaded(std::string_view profiles, const std::string& profile) {
  for (const std::string_view line : split(profiles, '\n')) {
    if (line.substr(0, line.rfind(" (")) == profile) return true;
  }
  return false;
}

}  // namespace

bool has_apparmor() {
  const auto enabled = read_file(kEnabled, 4_KiB);
  return enabled && enabled->rfind("Y", 0) == 0;
}

Status check_apparmor(const std::string& profile) {
  if (profile.empty() || profile == "unconfined") return {};
  const std::string doing = "use AppArmor profile " + printable(profile) + ": ";
  constexpr std::size_t kLongest = 255;
  const bool one_line = profile.find_first_of(std::string_view("\n\0", 2)) == profile.npos;
  if (profile.size() > kLongest || !one_line)
    return fail(ErrorCode::kInvalid, doing + "that is no name of a profile");
  if (!has_apparmor())
    return fail(ErrorCode::kUnsupported, doing + "this kernel has no AppArmor, or it is off");
  // Not everybody may read the list; then the kernel says it when the command begins.
  const auto profiles = read_file(kLoaded, 4_MiB);
  if (!profiles || is_loaded(*profiles, profile)) return {};
  return fail(ErrorCode::kNotFound, doing + "it is not loaded (apparmor_parser -r FILE)");
}

}  // namespace slipway::sandbox
