#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/net/links.h"

namespace slipway::sandbox::net {

/// What stays on the machine while nobody is on a network: its bridge and the rules, ready for the next container. Each
/// such link names its network's directory in its alias (`ip link` shows it) and the table of rules its state directory
/// in its comment, so that what belonged to a state directory that is gone can be told from everything else.

/// What happens to links and rules when the last container goes.
enum class IdleLinks { kStay, kGo };
/// kGo when the environment has RUNNER_IDLE_NETWORKS=remove (for many short-lived state directories, as tests have), or
/// when `networks_directory` is too long for the kernel to keep with a link.
IdleLinks idle_links(const std::string& networks_directory);

/// The alias of a network's links.
std::string link_mark(const std::string& network_directory);
/// Marked links whose network is gone and which nobody uses, ports before their bridges. `exists` tells whether a
/// network's directory has a record.
std::vector<std::string> orphaned_links(const std::vector<LinkInfo>& links,
                                        const std::function<bool(const std::string&)>& exists);
/// Removes these, and tables of state directories that are gone and have no link left. A state directory that only
/// this process does not see loses nothing but time: its next container makes the idle bridge anew.
Status remove_orphans();

}  // namespace slipway::sandbox::net
