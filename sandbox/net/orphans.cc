// Bridges and rules that stay for the next container, and those for which no container will ever come.
#include "sandbox/net/orphans.h"

#include <algorithm>
#include <cstdlib>
#include <map>

#include "base/files.h"
#include "sandbox/net/firewall.h"

namespace slipway::sandbox::net {
namespace {

constexpr std::string_view kMark = "slipway:";
// An alias takes 255 bytes (IFALIASZ), a table's comment 253: less marks, fingerprint and a network's id.
constexpr std::size_t kLongestPath = 170;

bool has_record(const std::string& network_directory) {
  return path_exists(network_directory + "/network.json");
}

bool marked_below(const LinkInfo& link, const std::string& networks_directory) {
  return link.alias.starts_with(link_mark(networks_directory + "/"));
}

}  // namespace

IdleLinks idle_links(const std::string& networks_directory) {
  const char* wish = ::getenv("RUNNER_IDLE_NETWORKS");
  const bool go = wish != nullptr && std::string_view(wish) == "remove";
  return go || networks_directory.size() > kLongestPath ? IdleLinks::kGo : IdleLinks::kStay;
}

std::string link_mark(const std::string& network_directory) {
  return std::string(kMark) + network_directory;
}

std::vector<std::string> orphaned_links(const std::vector<LinkInfo>& links,
                                        const std::function<bool(const std::string&)>& exists) {
  std::map<std::uint32_t, const LinkInfo*> orphans;
  for (const LinkInfo& link : links) {
    if (link.alias.starts_with(kMark) && !exists(link.alias.substr(kMark.size())))
      orphans[link.index] = &link;
  }
  // A bridge with a port that is not ours or has a container behind it is in use.
  std::map<std::uint32_t, bool> used;
  for (const LinkInfo& link : links)
    if (link.master != 0 && !orphans.contains(link.index)) used[link.master] = true;
  std::vector<std::string> ports, bridges;
  for (const auto& [index, link] : orphans) {
    if (used.contains(index) || used.contains(link->master)) continue;
    (link->master != 0 ? ports : bridges).push_back(link->name);
  }
  ports.insert(ports.end(), bridges.begin(), bridges.end());
  return ports;
}

Status remove_orphans() {
  NetlinkSocket socket = SLIP_TRY(NetlinkSocket::open(NETLINK_ROUTE));
  const auto before = SLIP_TRY(list_links(socket));
  const auto orphans = orphaned_links(before, has_record);
  for (const std::string& name : orphans) SLIP_TRY(remove_link(socket, name));
  for (const Firewall::Table& table : SLIP_TRY(Firewall::tables())) {
    if (table.owner.empty() || path_exists(table.owner)) continue;
    const bool used = std::any_of(before.begin(), before.end(), [&](const LinkInfo& link) {
      return marked_below(link, table.owner) &&
             std::find(orphans.begin(), orphans.end(), link.name) == orphans.end();
    });
    if (!used) SLIP_TRY(Firewall(table.name, table.owner).remove());
  }
  return {};
}

}  // namespace slipway::sandbox::net
