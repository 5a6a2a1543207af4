#pragma once

#include <vector>

#include "base/result.h"
#include "sandbox/net/netlink.h"
#include "sandbox/net/store.h"

namespace slipway::sandbox::net {

/// One container on one network, while it is joined.
struct Place {
  NetworkInfo network;
  EndpointRecord endpoint;
  bool linked = false;
  bool publishes = false;  ///< Published ports lead here.
};

/// Makes the link whose inner end appears in the container's network namespace.
Status make_link(NetlinkSocket& host, const Place& place, int container);
/// Inside the container's namespace: addresses, and default routes over the first places that have a way out (those of
/// `old_gateways` are removed).
Status configure_inside(const std::vector<Place*>& fresh, const std::vector<Place>& all,
                        const std::vector<EndpointInfo>& old_gateways);
/// Inside: removes the interface.
Status remove_inside(const std::string& interface);
/// The places that give the default routes: at most one per address family.
std::vector<EndpointInfo> gateways_of(const std::vector<Place>& places);

}  // namespace slipway::sandbox::net
