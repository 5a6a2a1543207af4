// The last touches to a container's config, whether it came from the command line or the API.
#include <algorithm>

#include "runner/container_powers.h"

namespace slipway::runner {
namespace {

namespace power = sandbox::power;
constexpr std::string_view kJoined = "container:";

template <typename P>
bool has_power(const sandbox::ContainerConfig& config) {
  return std::any_of(config.isolation.powers.begin(), config.isolation.powers.end(),
                     [](const sandbox::Power& one) { return std::holds_alternative<P>(one); });
}

bool has_directory(const sandbox::ContainerConfig& config, const std::string& path) {
  return std::any_of(config.isolation.powers.begin(), config.isolation.powers.end(),
                     [&](const sandbox::Power& one) {
                       const auto* directory = std::get_if<power::HostDirectory>(&one);
                       return directory != nullptr && directory->path == path;
                     });
}

}  // namespace

void complete_powers(sandbox::ContainerConfig& config) {
  auto& powers = config.isolation.powers;
  if (config.network_mode == "host" && !has_power<power::HostNetworkNamespace>(config))
    powers.emplace_back(power::HostNetworkNamespace{});
  for (const sandbox::MountConfig& mount : config.mounts) {
    if (mount.type == sandbox::MountConfig::Type::kBind && !has_directory(config, mount.source))
      powers.emplace_back(power::HostDirectory{mount.source});
  }
}

Status resolve_joined(sandbox::ContainerConfig& config, sandbox::Containers& containers) {
  if (config.network_mode.starts_with(kJoined)) {
    const std::string name = config.network_mode.substr(kJoined.size());
    config.network_mode = std::string(kJoined) + SLIP_TRY(containers.resolve(name));
  }
  for (std::string* name : {&config.isolation.pid_of, &config.isolation.ipc_of}) {
    if (!name->empty()) *name = SLIP_TRY(containers.resolve(*name));
  }
  return {};
}

}  // namespace slipway::runner
