// volume create, ls, rm, prune.
#include <algorithm>

#include "base/text.h"
#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/container_world.h"
#include "runner/cli/image_session.h"
#include "runner/cli/list_output.h"
#include "runner/docker_filters.h"
#include "runner/docker_json.h"
#include "runner/object_filters.h"
#include "runner/option_values.h"
#include "sandbox/engine.h"

namespace slipway::runner {
namespace {

using sandbox::VolumeInfo;

/// Volumes need nothing else: no database, no network.
Result<std::shared_ptr<sandbox::Volumes>> open_volumes(const Invocation& invocation) {
  const std::string root = state_dir(invocation);
  SLIP_TRY(sandbox::enter_engine_namespaces());
  return sandbox::Volumes::open(root);
}

std::vector<std::pair<std::string, std::string>> pairs(const std::vector<std::string>& texts) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string& text : texts) out.push_back(parse_pair(text));
  return out;
}

Status create_volume(const Invocation& invocation) {
  const auto volumes = SLIP_TRY(open_volumes(invocation));
  const VolumeInfo made = SLIP_TRY(volumes->create(
      {invocation.operand(0), pairs(invocation.list("label")), pairs(invocation.list("opt"))}));
  print_data(made.name + "\n");
  return {};
}

Status list_volumes(const Invocation& invocation) {
  static const Json kHeadings = Json::object({{"Name", "VOLUME NAME"},
                                              {"Driver", "DRIVER"},
                                              {"Scope", "SCOPE"},
                                              {"Mountpoint", "MOUNTPOINT"},
                                              {"Labels", "LABELS"},
                                              {"Links", "LINKS"},
                                              {"Size", "SIZE"}});
  const Filters filters =
      SLIP_TRY_WITHIN("option --filter", parse_filters(invocation.list("filter")));
  SLIP_TRY(check_volume_filters(filters));
  const auto volumes = SLIP_TRY(open_volumes(invocation));
  std::vector<Json> entries;
  for (const VolumeInfo& volume : SLIP_TRY(volumes->list())) {
    if (!volume_fits(volume, filters)) continue;
    entries.push_back(Json::object({{"Name", volume.name},
                                    {"Driver", "local"},
                                    {"Scope", "local"},
                                    {"Mountpoint", volume.path},
                                    {"Labels", labels_text(volume.labels)},
                                    {"Links", std::to_string(volume.users.size())},
                                    {"Size", "N/A"}}));
  }
  return print_list(invocation, entries, {"Name", "table {{.Driver}}\t{{.Name}}", kHeadings});
}

int remove_volumes(const Invocation& invocation) {
  const auto volumes = open_volumes(invocation);
  if (!volumes) return report_error(volumes.error(), invocation);
  int code = 0;
  for (const std::string& name : invocation.operands()) {
    if (const Status removed = (*volumes)->remove(name, invocation.flag("force")); !removed)
      code = report_error(removed.error(), invocation);
    else
      print_data(name + "\n");
  }
  return code;
}

Status prune_volumes(const Invocation& invocation) {
  Filters filters = SLIP_TRY_WITHIN("option --filter", parse_filters(invocation.list("filter")));
  bool all = invocation.flag("all");
  if (const auto found = filters.find("all"); found != filters.end()) {
    all = all || found->second.back() == "true" || found->second.back() == "1";
    filters.erase(found);
  }
  const PruneFilter filter = SLIP_TRY(prune_filter(filters, real_clock().wall()));
  if (!invocation.flag("force") &&
      !confirmed(all ? "WARNING! This will remove all volumes that no container uses.\n"
                     : "WARNING! This will remove all anonymous volumes that no container uses.\n"))
    return {};
  const auto volumes = SLIP_TRY(open_volumes(invocation));
  const auto pruned = SLIP_TRY(volumes->prune([&](const VolumeInfo& volume) {
    return (all || volume.anonymous) && filter.fits(volume.labels, volume.created);
  }));
  if (!pruned.names.empty()) print_data("Deleted Volumes:\n" + join(pruned.names, "\n") + "\n\n");
  print_data("Total reclaimed space: " + format_size(pruned.freed) + "\n");
  return {};
}

}  // namespace

int volume_create_command(const Invocation& invocation) {
  return finish(create_volume(invocation), invocation);
}
int volume_list_command(const Invocation& invocation) {
  return finish(list_volumes(invocation), invocation);
}
int volume_remove_command(const Invocation& invocation) { return remove_volumes(invocation); }
int volume_prune_command(const Invocation& invocation) {
  return finish(prune_volumes(invocation), invocation);
}

}  // namespace slipway::runner
