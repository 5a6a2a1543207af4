// Filters of lists, prunes and events, and times as docker's options take them.
#include "runner/docker_filters.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <ctime>

#include "base/text.h"
#include "base/units.h"
#include "runner/docker_json.h"
#include "runner/option_values.h"

namespace slipway::runner {
namespace {

using sandbox::ContainerInfo;
using Values = std::vector<std::string>;

tl::unexpected<Error> bad_filter(const std::string& name, const std::string& value,
                                 const std::string& cause) {
  return fail(ErrorCode::kInvalid,
              "filter " + printable(name) + "=" + printable(value) + ": " + cause);
}

const ContainerInfo* find_container(const std::vector<ContainerInfo>& all,
                                    const std::string& name) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const ContainerInfo& one) {
    return one.name == name || (!name.empty() && one.id.starts_with(name));
  });
  return found == all.end() ? nullptr : &*found;
}

bool ancestor_fits(const ContainerInfo& container, const std::string& value) {
  const std::string& image = container.config.image;
  const std::string& id = container.config.image_id;
  if (image == value || image == value + ":latest" || image + ":latest" == value) return true;
  const std::string hex = value.starts_with("sha256:") ? value.substr(7) : value;
  return hex.size() >= 4 && id.starts_with("sha256:" + hex);
}

bool network_fits(const ContainerInfo& container, const std::string& value) {
  if (container.config.network_mode == value) return true;
  const auto& configured = container.config.endpoints;
  const auto& real = container.endpoints;
  return std::any_of(configured.begin(), configured.end(),
                     [&](const auto& one) { return one.network == value; }) ||
         std::any_of(real.begin(), real.end(), [&](const auto& one) {
           return one.network == value || one.network_id.starts_with(value);
         });
}

bool volume_fits(const ContainerInfo& container, const std::string& value) {
  return std::any_of(container.mounts.begin(), container.mounts.end(), [&](const auto& mount) {
    return mount.volume == value || mount.config.target == value || mount.source == value;
  });
}

bool port_fits(const Values& ports, const std::string& value) {
  const Result<Values> wanted = parse_exposed_ports(value);
  return wanted && std::any_of(wanted->begin(), wanted->end(), [&](const std::string& port) {
           return std::find(ports.begin(), ports.end(), port) != ports.end();
         });
}

bool publish_fits(const ContainerInfo& container, const std::string& value) {
  Values ports;
  for (const auto& port : container.ports)
    ports.push_back(std::to_string(port.container_port) + "/" +
                    std::string(protocol_name(port.protocol)));
  return port_fits(ports, value);
}

bool health_fits(const ContainerInfo& container, const std::string& value) {
  constexpr std::array<std::string_view, 4> kWords{"none", "starting", "healthy", "unhealthy"};
  return kWords.at(static_cast<std::size_t>(container.state.health.status)) == value;
}

struct ContainerFilter {
  std::string_view name;
  bool (*fits)(const ContainerInfo&, const std::string& value);
};
// Docker API: GET /containers/json, filters. before and since are positions in the list and handled apart.
constexpr ContainerFilter kContainerFilters[] = {
    {"id", [](const ContainerInfo& c, const std::string& v) { return c.id.starts_with(v); }},
    {"name",
     [](const ContainerInfo& c, const std::string& v) {
       // Docker takes a regular expression; people write parts of names, or ^name$.
       std::string part = v.starts_with('/') ? v.substr(1) : v;
       const bool from_start = part.starts_with('^');
       if (from_start) part.erase(0, part.starts_with("^/") ? 2 : 1);
       const bool to_end = part.ends_with('$');
       if (to_end) part.pop_back();
       if (from_start && to_end) return c.name == part;
       if (from_start) return c.name.starts_with(part);
       return to_end ? c.name.ends_with(part) : c.name.find(part) != std::string::npos;
     }},
    {"exited",
     [](const ContainerInfo& c, const std::string& v) {
       const bool over = c.state.status == sandbox::ContainerStatus::kExited ||
                         c.state.status == sandbox::ContainerStatus::kDead;
       return over && std::to_string(c.state.exit_code) == v;
     }},
    {"status", [](const ContainerInfo& c,
                  const std::string& v) { return sandbox::status_name(c.state.status) == v; }},
    {"ancestor", ancestor_fits},
    {"volume", volume_fits},
    {"network", network_fits},
    {"publish", publish_fits},
    {"expose",
     [](const ContainerInfo& c, const std::string& v) {
       return port_fits(c.config.exposed_ports, v) || publish_fits(c, v);
     }},
    {"health", health_fits},
    {"is-task", [](const ContainerInfo&, const std::string& v) { return v == "false"; }},
};

Status check_container_values(const Filters& filters) {
  const auto check = [&](const char* name, const std::vector<std::string_view>& words) -> Status {
    const auto found = filters.find(name);
    if (found == filters.end()) return {};
    for (const std::string& value : found->second) {
      if (std::find(words.begin(), words.end(), value) == words.end())
        return bad_filter(name, value, "no such value");
    }
    return {};
  };
  SLIP_TRY(check("status",
                 {"created", "running", "paused", "restarting", "removing", "exited", "dead"}));
  SLIP_TRY(check("health", {"none", "starting", "healthy", "unhealthy"}));
  SLIP_TRY(check("is-task", {"true", "false"}));
  const auto exited = filters.find("exited");
  if (exited != filters.end()) {
    for (const std::string& value : exited->second) {
      if (!parse_int(value)) return bad_filter("exited", value, "expected an exit code");
    }
  }
  return {};
}

bool container_fits(const ContainerInfo& container, const Filters& filters) {
  for (const auto& [name, values] : filters) {
    if (name == "label") {
      if (!std::all_of(values.begin(), values.end(), [&](const std::string& value) {
            return label_fits(container.config.labels, value);
          }))
        return false;
      continue;
    }
    for (const ContainerFilter& filter : kContainerFilters) {
      if (filter.name != name) continue;
      if (std::none_of(values.begin(), values.end(),
                       [&](const std::string& value) { return filter.fits(container, value); }))
        return false;
    }
  }
  return true;
}

std::optional<WallTime> parse_date(const std::string& text) {
  std::tm broken{};
  const char* rest = nullptr;
  for (const char* form : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"}) {
    broken = {};
    rest = ::strptime(text.c_str(), form, &broken);
    if (rest != nullptr) break;
  }
  if (rest == nullptr) return std::nullopt;
  std::int64_t nanos = 0;
  if (*rest == '.') {
    ++rest;
    std::int64_t unit = 100'000'000;
    for (; *rest >= '0' && *rest <= '9'; ++rest, unit /= 10) nanos += (*rest - '0') * unit;
  }
  std::int64_t offset = 0;
  const std::string zone(rest);
  std::time_t seconds = 0;
  if (zone.empty()) {
    broken.tm_isdst = -1;
    seconds = ::mktime(&broken);  // docker: the client's zone
  } else if (zone == "Z") {
    seconds = ::timegm(&broken);
  } else {
    const bool well_formed =
        zone.size() == 6 && (zone[0] == '+' || zone[0] == '-') && zone[3] == ':';
    const auto hours = well_formed ? parse_int(zone.substr(1, 2)) : std::nullopt;
    const auto minutes = well_formed ? parse_int(zone.substr(4, 2)) : std::nullopt;
    if (!hours || !minutes) return std::nullopt;
    offset = (*hours * 60 + *minutes) * 60 * (zone[0] == '-' ? -1 : 1);
    seconds = ::timegm(&broken);
  }
  return WallTime(std::chrono::seconds(seconds - offset) + std::chrono::nanoseconds(nanos));
}

}  // namespace

Status check_filters(const Filters& filters, const std::vector<std::string_view>& known) {
  for (const auto& [name, values] : filters) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::vector<std::string> words(known.begin(), known.end());
    return fail(ErrorCode::kInvalid,
                "unknown filter \"" + printable(name) + "\"; there are " + join(words, ", "));
  }
  return {};
}

Result<Filters> parse_filters(const std::vector<std::string>& texts) {
  Filters filters;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(ErrorCode::kInvalid, "filter \"" + printable(text) + "\": expected NAME=VALUE");
    // "label!=x" is the filter `label!`.
    filters[to_lower(trim(text.substr(0, equals)))].emplace_back(trim(text.substr(equals + 1)));
  }
  return filters;
}

Result<WallTime> parse_time(const std::string& text, WallTime now) {
  char* end = nullptr;
  const double seconds = std::strtod(text.c_str(), &end);
  if (!text.empty() && *end == '\0' && std::isfinite(seconds) && std::abs(seconds) < 1e11 &&
      text.find_first_not_of("-0123456789.") == std::string::npos)
    return WallTime(
        std::chrono::duration_cast<WallTime::duration>(std::chrono::duration<double>(seconds)));
  if (const auto date = parse_date(text)) return *date;
  if (const Result<Millis> duration = parse_duration(text)) return now - *duration;
  return fail(ErrorCode::kInvalid,
              "time \"" + printable(text) +
                  "\": expected RFC 3339, unix seconds, or a duration such as 10m");
}

bool label_fits(const std::vector<std::pair<std::string, std::string>>& labels,
                const std::string& filter) {
  const auto [name, value] = parse_pair(filter);
  const bool with_value = filter.find('=') != std::string::npos;
  return std::any_of(labels.begin(), labels.end(),
                     [&, &name = name, &value = value](const auto& label) {
                       return label.first == name && (!with_value || label.second == value);
                     });
}

bool filters_ask_for_stopped(const Filters& filters) {
  return filters.contains("status") || filters.contains("exited") || filters.contains("before") ||
         filters.contains("since");
}

Result<std::vector<ContainerInfo>> filter_containers(const std::vector<ContainerInfo>& all,
                                                     const Filters& filters) {
  SLIP_TRY(check_filters(
      filters, {"id", "name", "label", "exited", "status", "ancestor", "before", "since", "volume",
                "network", "publish", "expose", "health", "is-task"}));
  SLIP_TRY(check_container_values(filters));
  std::optional<WallTime> before, since;
  for (const auto& [name, border] : {std::pair("before", &before), std::pair("since", &since)}) {
    const auto found = filters.find(name);
    if (found == filters.end()) continue;
    const ContainerInfo* other = find_container(all, found->second.back());
    if (other == nullptr)
      return fail(ErrorCode::kNotFound, "no such container: " + printable(found->second.back()));
    *border = other->created;
  }
  std::vector<ContainerInfo> out;
  for (const ContainerInfo& container : all) {
    if (before && container.created >= *before) continue;
    if (since && container.created <= *since) continue;
    if (container_fits(container, filters)) out.push_back(container);
  }
  return out;
}

bool PruneFilter::fits(const std::vector<std::pair<std::string, std::string>>& of,
                       WallTime created) const {
  const auto has = [&](const std::string& label) { return label_fits(of, label); };
  return std::all_of(labels.begin(), labels.end(), has) &&
         std::none_of(not_labels.begin(), not_labels.end(), has) && (!until || created < *until);
}

Result<PruneFilter> prune_filter(const Filters& filters, WallTime now) {
  SLIP_TRY(check_filters(filters, {"label", "label!", "until"}));
  PruneFilter filter;
  for (const auto& [name, values] : filters) {
    if (name == "label") filter.labels = values;
    if (name == "label!") filter.not_labels = values;
    if (name == "until") filter.until = SLIP_TRY(parse_time(values.back(), now));
  }
  return filter;
}

Status check_event_filters(const Filters& filters) {
  return check_filters(filters,
                       {"container", "event", "type", "label", "image", "network", "volume"});
}

bool event_fits(const sandbox::ContainerEvent& event, const Filters& filters) {
  const auto attribute = [&](std::string_view name) {
    for (const auto& [key, value] : event.attributes) {
      if (key == name) return value;
    }
    return std::string();
  };
  const auto names_it = [&](const std::string& type, const std::string& value) {
    return event.type == type && (event.id.starts_with(value) || attribute("name") == value);
  };
  for (const auto& [name, values] : filters) {
    const bool fits =
        std::any_of(values.begin(), values.end(), [&, &name = name](const std::string& v) {
          if (name == "type") return event.type == v;
          // "health_status" fits "health_status: healthy".
          if (name == "event") return event.action == v || event.action.starts_with(v + ":");
          if (name == "label") return label_fits(event.attributes, v);
          if (name == "image") return attribute("image") == v || names_it("image", v);
          return names_it(name, v);
        });
    if (!fits) return false;
  }
  return true;
}

}  // namespace slipway::runner
