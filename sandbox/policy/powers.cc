// Powers: their names, which of them a spec asks for, and the one place where a configuration says no.
#include <algorithm>

#include "base/text.h"
#include "sandbox/isolation.h"
#include "sandbox/spec.h"

namespace slipway::sandbox {
namespace {

// In the order of Power.
constexpr std::string_view kNames[] = {
    "privileged",   "host-pid",       "host-ipc",       "host-uts",      "host-user-namespace",
    "host-cgroups", "host-network",   "no-seccomp",     "own-seccomp",   "unmasked-paths",
    "host-device",  "add-capability", "host-directory", "device-access",
};
static_assert(std::size(kNames) == std::variant_size_v<Power>);

std::string describe(const Power& power) {
  std::string text(power_name(power));
  if (const auto* device = std::get_if<power::HostDevice>(&power)) {
    text += " " + printable(device->path_on_host);
  } else if (const auto* capability = std::get_if<power::AddedCapability>(&power)) {
    text += " " + printable(capability->name);
  } else if (const auto* directory = std::get_if<power::HostDirectory>(&power)) {
    text += " " + printable(directory->path);
  } else if (const auto* access = std::get_if<power::DeviceAccess>(&power)) {
    text += " " + printable(access->rule);
  }
  return text;
}

}  // namespace

std::string_view power_name(const Power& power) { return kNames[power.index()]; }

std::span<const std::string_view> power_names() { return kNames; }

Status check_powers(const std::vector<Power>& powers, const PowerPolicy& policy) {
  for (const Power& power : powers) {
    const auto& no = policy.forbidden;
    const bool named = std::find(no.begin(), no.end(), power_name(power)) != no.end();
    if (policy.allow_all && !named) continue;
    return fail(ErrorCode::kPermission,
                "use power " + describe(power) + ": the configuration forbids it");
  }
  return {};
}

std::vector<Power> powers_of(const ContainerSpec& spec) {
  std::vector<Power> powers = spec.isolation.powers;
  if (spec.network == Network::kHost) powers.emplace_back(power::HostNetworkNamespace{});
  return powers;
}

}  // namespace slipway::sandbox
