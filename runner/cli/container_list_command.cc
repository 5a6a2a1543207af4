// `runner ps`.
#include <algorithm>

#include "base/text.h"
#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/container_world.h"
#include "runner/cli/list_output.h"
#include "runner/cli/relative_time.h"
#include "runner/docker_filters.h"
#include "runner/docker_json.h"

namespace slipway::runner {
namespace {

using sandbox::ContainerInfo;

constexpr std::size_t kCommandColumns = 20;  // docker's

std::string networks_text(const ContainerInfo& container) {
  std::vector<std::string> names;
  for (const auto& endpoint : container.endpoints) names.push_back(endpoint.network);
  if (names.empty()) {
    for (const auto& endpoint : container.config.endpoints) names.push_back(endpoint.network);
  }
  return names.empty() ? container.config.network_mode : join(names, ",");
}

std::string mounts_text(const ContainerInfo& container) {
  std::vector<std::string> names;
  for (const auto& mount : container.mounts)
    names.push_back(mount.volume.empty() ? mount.source : mount.volume);
  return join(names, ",");
}

std::string size_text(const std::optional<ContainerSizes>& sizes) {
  if (!sizes) return "";
  return format_size(sizes->first) + " (virtual " + format_size(sizes->second) + ")";
}

Json list_entry(const ContainerInfo& container, WallTime now, bool whole,
                const std::optional<ContainerSizes>& sizes) {
  std::string command = shell_join(container.argv);
  if (!whole) command = ellipsize(command, kCommandColumns);
  std::size_t volumes = 0;
  for (const auto& mount : container.mounts) volumes += mount.volume.empty() ? 0 : 1;
  return Json::object({{"ID", whole ? container.id : short_id(container.id)},
                       {"Image", container.config.image},
                       {"Command", "\"" + printable(command) + "\""},
                       {"CreatedAt", local_time_text(container.created)},
                       {"RunningFor", relative_time(container.created, now)},
                       {"Ports", ports_text(container)},
                       {"State", sandbox::status_name(container.state.status)},
                       {"Status", status_text(container, now)},
                       {"Size", size_text(sizes)},
                       {"Names", container.name},
                       {"Labels", labels_text(container.config.labels)},
                       {"Mounts", mounts_text(container)},
                       {"LocalVolumes", std::to_string(volumes)},
                       {"Networks", networks_text(container)},
                       {"Platform", "linux"}});
}

const Json& headings() {
  static const Json kHeadings = Json::object({{"ID", "CONTAINER ID"},
                                              {"Image", "IMAGE"},
                                              {"Command", "COMMAND"},
                                              {"CreatedAt", "CREATED AT"},
                                              {"RunningFor", "CREATED"},
                                              {"Ports", "PORTS"},
                                              {"State", "STATE"},
                                              {"Status", "STATUS"},
                                              {"Size", "SIZE"},
                                              {"Names", "NAMES"},
                                              {"Labels", "LABELS"},
                                              {"Mounts", "MOUNTS"},
                                              {"LocalVolumes", "LOCAL VOLUMES"},
                                              {"Networks", "NETWORKS"},
                                              {"Platform", "PLATFORM"}});
  return kHeadings;
}

bool is_up(const ContainerInfo& container) {
  using S = sandbox::ContainerStatus;
  const S status = container.state.status;
  return status == S::kRunning || status == S::kPaused || status == S::kRestarting;
}

/// How many at most: -n and -l look at containers in any state.
Result<std::optional<std::size_t>> newest_only(const Invocation& invocation) {
  if (invocation.flag("latest")) return std::optional<std::size_t>(1);
  if (!invocation.given("last")) return std::optional<std::size_t>();
  const auto count = parse_int(invocation.value("last"));
  if (!count) return fail(ErrorCode::kInvalid, "option --last: expected a number");
  if (*count < 0) return std::optional<std::size_t>();
  return std::optional<std::size_t>(static_cast<std::size_t>(*count));
}

Status list_containers(const Invocation& invocation) {
  const Filters filters =
      SLIP_TRY_WITHIN("option --filter", parse_filters(invocation.list("filter")));
  const std::optional<std::size_t> newest = SLIP_TRY(newest_only(invocation));
  ContainerWorld world = SLIP_TRY(open_world(invocation));
  const std::vector<ContainerInfo> all = SLIP_TRY(world.containers->list());
  std::vector<ContainerInfo> wanted = SLIP_TRY(filter_containers(all, filters));
  if (newest && wanted.size() > *newest) wanted.resize(*newest);
  if (!invocation.flag("all") && !newest && !filters_ask_for_stopped(filters))
    std::erase_if(wanted, [](const ContainerInfo& one) { return !is_up(one); });
  const WallTime now = real_clock().wall();
  const bool whole = invocation.flag("no-trunc") || invocation.flag("json");
  std::vector<Json> entries;
  for (const ContainerInfo& container : wanted) {
    std::optional<ContainerSizes> sizes;
    if (invocation.flag("size")) {
      if (auto measured = world.containers->sizes(container.id)) sizes = *measured;
    }
    entries.push_back(list_entry(container, now, whole, sizes));
  }
  std::string table =
      "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t"
      "{{.Names}}";
  if (invocation.flag("size")) table += "\t{{.Size}}";
  return print_list(invocation, entries, {"ID", table, headings()});
}

}  // namespace

int container_list_command(const Invocation& invocation) {
  return finish(list_containers(invocation), invocation);
}

}  // namespace slipway::runner
