#pragma once

#include <vector>

#include "base/result.h"
#include "sandbox/net/firewall.h"

namespace slipway::sandbox::net {

/// Lets the kernel forget what it remembers of UDP exchanges over these published ports, which lead somewhere else from
/// now on. Without that a client that goes on sending from its port would be led to the old container for minutes. TCP
/// needs none of it: the old container's connections are refused and made anew. A kernel that cannot be asked about
/// connections has none to forget.
Status forget_exchanges(const std::vector<FirewallPort>& ports);

}  // namespace slipway::sandbox::net
