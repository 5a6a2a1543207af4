#pragma once

#include <memory>
#include <string>
#include <vector>

#include "sandbox/net/host_side.h"
#include "sandbox/net/join.h"
#include "sandbox/net/ports.h"
#include "sandbox/net/resolv_conf.h"
#include "sandbox/net/service.h"
#include "sandbox/networks.h"

namespace slipway::sandbox::net {

/// A container on its networks, the machine's or an ordinary user's: see NetworkSession.
class ContainerSession final : public NetworkSession {
 public:
  static Result<std::unique_ptr<NetworkSession>> open(std::shared_ptr<HostSide> host,
                                                      const SessionRequest& request);
  ~ContainerSession() override;

  const std::vector<EndpointInfo>& endpoints() const override { return infos_; }
  const std::vector<PublishedPort>& ports() const override { return ports_; }
  std::string resolv_conf() const override;
  std::vector<std::pair<std::string, std::string>> hosts() const override;
  Status attach(int network_namespace_fd) override;
  Status connect(const EndpointConfig& endpoint) override;
  Status disconnect(const std::string& network) override;

 private:
  ContainerSession(std::shared_ptr<HostSide> host, const SessionRequest& request)
      : host_(std::move(host)), request_(request) {}
  Status reserve_all();
  Status reserve(const NetworkInfo& network, const EndpointConfig& wanted);
  Status reserve_addresses(const NetworkInfo& network, const EndpointConfig& wanted,
                           EndpointInfo& info);
  Status hold_ports();
  Status publish();
  Status link(Place& place);
  bool leads_out(const NetworkInfo& network) const;
  Status ensure_uplink();
  Status start_service();
  Status serve_names();
  Names names() const;
  DnsServer::Forwarding forwarding() const;
  std::vector<NameTable::Network> name_networks() const;
  std::string next_interface() const;
  void refresh_infos();

  std::shared_ptr<HostSide> host_;
  SessionRequest request_;
  Fd session_;    ///< The lock that says that we live.
  Fd container_;  ///< Its network namespace, once attached.
  std::vector<Place> places_;
  std::vector<EndpointInfo> infos_;
  std::vector<HeldPort> held_;
  std::vector<PublishedPort> ports_;
  std::vector<FirewallPort> rules_;
  std::unique_ptr<NetworkService> service_;
};

}  // namespace slipway::sandbox::net
