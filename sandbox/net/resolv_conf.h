#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sandbox/net/address.h"
#include "sandbox/networks.h"

namespace slipway::sandbox::net {

/// The lines of resolv.conf(5) that matter to us.
struct ResolvConf {
  std::vector<std::string> servers;  ///< Without zones; only what parses as an address.
  std::vector<std::string> search;
  std::vector<std::string> options;
};
ResolvConf parse_resolv_conf(std::string_view text);
/// The machine's, now. With systemd-resolved's stub alone in it, the resolvers behind the stub when they are known.
ResolvConf read_host_resolv_conf();

enum class Names { kServed, kNotServed };
/// A container's file: our own server where names are served (or where only loopback resolvers exist), else the
/// machine's without those on loopback.
std::string container_resolv_conf(const ResolvConf& host, const SessionRequest& request,
                                  Names names);
/// Does the container need our server at 127.0.0.11?
bool needs_own_server(const ResolvConf& host, const SessionRequest& request, Names names);
/// Where questions that are not about containers go: --dns, or the machine's resolvers, loopback ones too.
std::vector<Address> upstream_servers(const ResolvConf& host, const SessionRequest& request);

inline constexpr std::string_view kOwnServer = "127.0.0.11";  // As docker's.

}  // namespace slipway::sandbox::net
