// Rows of the option table: networks and volumes.
#include <array>

#include "runner/cli/commands.h"
#include "runner/cli/container_options.h"

namespace slipway::runner {
namespace {

using namespace option_rows;  // NOLINT: the makers are this file's alphabet

constexpr OptionSpec kNetworkCreate[] = {
    value("driver", 'd', "DRIVER", "bridge (default), macvlan, ipvlan or overlay", Complete::kWords,
          "bridge|macvlan|ipvlan|overlay"),
    list("subnet", 0, "CIDR", "addresses of the network; default: a free one"),
    list("gateway", 0, "ADDRESS", "of the subnet given at the same place; default: its first"),
    list("ip-range", 0, "CIDR", "containers get addresses from here; default: the subnet"),
    flag("internal", 0, "no way out and no way in"),
    flag("ipv6", 0, "IPv6 as well"),
    flag("attachable", 0, "containers may join; they always may"),
    list("label", 0, "NAME=VALUE", "a label"),
    list("opt", 'o', "NAME=VALUE", "an option of the driver, such as parent=eth0"),
    list("peer", 0, "ADDRESS", "overlay: another host of the network"),
    value("vni", 0, "N", "overlay: VXLAN identifier; default: from the name"),
};
constexpr RefusedOption kNetworkCreateRefused[] = {
    {"aux-address", "leave the address out by --ip-range"},
    {"config-from", "that is for swarms"},
    {"config-only", "that is for swarms"},
    {"ingress", "that is for swarms"},
    {"scope", "that is for swarms"},
    {"ipam-driver", "addresses are given by the engine itself"},
    {"ipam-opt", "addresses are given by the engine itself"},
};
constexpr OptionSpec kListObjects[] = {kFilter, kFormat, kJson, kNoTrunc, kQuietIds};
constexpr OptionSpec kVolumeList[] = {kFilter, kFormat, kJson, flag("quiet", 'q', "only names")};
constexpr OptionSpec kRemove[] = {flag("force", 'f', "a missing one is no error")};
constexpr OptionSpec kInspect[] = {kInspectFormat, kJson};
constexpr OptionSpec kNetworkInspect[] = {kInspectFormat, kJson,
                                          flag("verbose", 'v', "more about swarms: nothing here")};
constexpr OptionSpec kConnect[] = {
    list("alias", 0, "NAME", "one more name on the network"),
    value("ip", 0, "ADDRESS", "a fixed IPv4 address"),
    value("ip6", 0, "ADDRESS", "a fixed IPv6 address"),
};
constexpr RefusedOption kConnectRefused[] = {
    {"link", "names resolve on every network of your own"},
    {"link-local-ip", "addresses come from the network's subnet; see --ip"},
    {"driver-opt", "the drivers have no options for one container"},
    {"gw-priority", "the first network gives the default route"},
};
constexpr OptionSpec kDisconnect[] = {flag("force", 'f', "also when the container is gone")};
constexpr OptionSpec kNetworkPrune[] = {kForcePrune, kPruneFilter};
constexpr OptionSpec kVolumeCreate[] = {
    value("driver", 'd', "DRIVER", "local, the only one", Complete::kWords, "local"),
    list("label", 0, "NAME=VALUE", "a label"),
    list("opt", 'o', "NAME=VALUE",
         "type=tmpfs with o=size=…, or type=none with o=bind and device=DIR"),
};
constexpr OptionSpec kVolumePrune[] = {flag("all", 'a', "also those that have a name"), kForcePrune,
                                       kPruneFilter};

constexpr PositionalSpec kNewNetwork[] = {{"NAME", "the network's name", 1, 1}};
constexpr PositionalSpec kNetworks[] = {{"NETWORK", "names or ids", 1, -1, Complete::kNetwork}};
constexpr PositionalSpec kConnectOperands[] = {
    {"NETWORK", "name or id", 1, 1, Complete::kNetwork},
    {"CONTAINER", "name or id", 1, 1, Complete::kContainer}};
constexpr PositionalSpec kNewVolume[] = {{"NAME", "the volume's name; default: a made-up one"}};
constexpr PositionalSpec kVolumes[] = {{"VOLUME", "names", 1, -1, Complete::kVolume}};

constexpr CommandSpec row(std::string_view path, std::string_view summary,
                          std::span<const OptionSpec> options,
                          std::span<const PositionalSpec> positionals,
                          int (*run)(const Invocation&),
                          std::span<const RefusedOption> refused = {}) {
  return {.path = path,
          .group = Group::kNetworks,
          .summary = summary,
          .options = options,
          .positionals = positionals,
          .run = run,
          .refused = refused};
}

constexpr CommandSpec kRows[] = {
    row("network create", "make a network", kNetworkCreate, kNewNetwork, network_create_command,
        kNetworkCreateRefused),
    row("network ls", "list networks", kListObjects, {}, network_list_command),
    row("network inspect", "show everything about networks", kNetworkInspect, kNetworks,
        network_inspect_command),
    row("network rm", "remove networks", kRemove, kNetworks, network_remove_command),
    row("network connect", "put a running container on one more network", kConnect,
        kConnectOperands, network_connect_command, kConnectRefused),
    row("network disconnect", "take a container off a network", kDisconnect, kConnectOperands,
        network_disconnect_command),
    row("network prune", "remove all networks without containers", kNetworkPrune, {},
        network_prune_command),
    row("volume create", "make a volume", kVolumeCreate, kNewVolume, volume_create_command),
    row("volume ls", "list volumes", kVolumeList, {}, volume_list_command),
    row("volume inspect", "show everything about volumes", kInspect, kVolumes,
        volume_inspect_command),
    row("volume rm", "remove volumes", kRemove, kVolumes, volume_remove_command),
    row("volume prune", "remove all anonymous volumes that no container uses", kVolumePrune, {},
        volume_prune_command),
};

}  // namespace

std::span<const CommandSpec> network_commands() { return kRows; }

}  // namespace slipway::runner
