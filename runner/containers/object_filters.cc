// Which networks and volumes a list is about.
#include "runner/object_filters.h"

#include <algorithm>

#include "runner/docker_json.h"

namespace slipway::runner {

using sandbox::NetworkInfo;
using sandbox::VolumeInfo;

Status check_network_filters(const Filters& filters) {
  return check_filters(filters, {"id", "name", "driver", "scope", "type", "label", "dangling"});
}

Status check_volume_filters(const Filters& filters) {
  return check_filters(filters, {"name", "driver", "label", "dangling"});
}

bool is_builtin(const NetworkInfo& network) {
  return network.config.name == "bridge" || network.config.name == "host" ||
         network.config.name == "none";
}

bool network_fits(const NetworkInfo& network, const Filters& filters) {
  for (const auto& [name, values] : filters) {
    const bool all = name == "label";
    const auto fits = [&, &filter = name](const std::string& value) {
      if (filter == "name") return network.config.name.find(value) != std::string::npos;
      if (filter == "id") return network.id.starts_with(value);
      if (filter == "driver") return driver_name(network.config.driver) == value;
      if (filter == "scope") return value == "local";
      if (filter == "type") return value == (is_builtin(network) ? "builtin" : "custom");
      if (filter == "dangling")
        return (value == "true" || value == "1") ==
               (!is_builtin(network) && network.containers.empty());
      return label_fits(network.config.labels, value);
    };
    const bool fit = all ? std::all_of(values.begin(), values.end(), fits)
                         : std::any_of(values.begin(), values.end(), fits);
    if (!fit) return false;
  }
  return true;
}

bool volume_fits(const VolumeInfo& volume, const Filters& filters) {
  for (const auto& [name, values] : filters) {
    const bool all = name == "label";
    const auto fits = [&, &filter = name](const std::string& value) {
      if (filter == "name") return volume.name.find(value) != std::string::npos;
      if (filter == "driver") return value == "local";
      if (filter == "dangling") return (value == "true" || value == "1") == volume.users.empty();
      return label_fits(volume.labels, value);
    };
    const bool fit = all ? std::all_of(values.begin(), values.end(), fits)
                         : std::any_of(values.begin(), values.end(), fits);
    if (!fit) return false;
  }
  return true;
}

}  // namespace slipway::runner
