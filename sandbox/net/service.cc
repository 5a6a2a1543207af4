// The thread that serves a container's networks. What it does is elsewhere: dns_server.cc, relay.cc, host_side.cc.
#include "sandbox/net/service.h"

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <future>

#include "sandbox/net/namespaces.h"

namespace slipway::sandbox::net {

Result<std::unique_ptr<NetworkService>> NetworkService::make(std::shared_ptr<HostSide> host) {
  std::unique_ptr<NetworkService> service(new NetworkService(std::move(host)));
  service->loop_ = SLIP_TRY(EventLoop::make());
  return service;
}

NetworkService::~NetworkService() {
  if (thread_.joinable()) {
    loop_->stop();
    thread_.join();
  }
  // What is watched goes before what watches.
  uplink_.reset();
  switch_.reset();
  dns_.reset();
  relay_.reset();
}

void NetworkService::start() {
  // Signals are the business of the monitor's own threads.
  sigset_t all, old;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &old);
  thread_ = std::thread([this] { loop_->run(); });
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
}

void NetworkService::in_loop(std::function<void()> job) {
  if (thread_.joinable()) {
    loop_->post(std::move(job));
  } else {
    job();
  }
}

Status NetworkService::wait_in_loop(const std::function<Status()>& job) {
  std::promise<Status> done;
  in_loop([&] { done.set_value(job()); });
  return done.get_future().get();
}

Status NetworkService::add_tap(const std::string& directory, const std::string& mac, Fd tap) {
  return wait_in_loop([&]() -> Status {
    if (!switch_) switch_ = std::make_unique<UserSwitch>(*loop_);
    return switch_->add(directory, mac, std::move(tap));
  });
}

void NetworkService::remove_tap(const std::string& directory) {
  [[maybe_unused]] const auto done = wait_in_loop([&]() -> Status {
    if (switch_) switch_->remove(directory);
    return {};
  });
}

Status NetworkService::start_uplink(int container, const UplinkConfig& config) {
  // In the loop's thread, which lives as long as we do: the program ends with it.
  const auto start = [&]() -> Status {
    uplink_ = SLIP_TRY(Uplink::start(container, config));
    return {};
  };
  SLIP_TRY(wait_in_loop(start));
  uplinked_ = true;
  return {};
}

Status NetworkService::watch_firewall() {
  firewall_events_ = SLIP_TRY(Firewall::watch());
  return loop_->add(firewall_events_.get(), EPOLLIN, [this](std::uint32_t) { check_firewall(); });
}

void NetworkService::check_firewall() {
  // What happened does not matter, and an overflow of events neither.
  char event[8192];
  while (::recv(firewall_events_.get(), event, sizeof event, MSG_DONTWAIT) >= 0 ||
         errno == ENOBUFS) {
  }
  if (const auto checked = host_->restore_firewall(); !checked)
    host_->note("restoring the firewall rules failed: " + checked.error().text());
}

Status NetworkService::relay(const HeldPort& held, const Relay::Target& v4,
                             const Relay::Target& v6) {
  if (held.port.protocol == Protocol::kSctp) return {};
  if (!relay_) relay_ = std::make_unique<Relay>(*loop_);
  for (const HeldPort::Socket& socket : held.sockets) {
    const Relay::Target& target = socket.host.v6 && !v6.address.unspecified() ? v6 : v4;
    SLIP_TRY(held.port.protocol == Protocol::kUdp ? relay_->add_udp(socket.fd.get(), target)
                                                  : relay_->add_tcp(socket.fd.get(), target));
  }
  return {};
}

Status NetworkService::serve_names(int container, NameTable names, std::vector<Address> upstream,
                                   DnsServer::Forwarding forwarding) {
  NameSockets sockets;
  const auto open_inside = [&]() -> Status {
    sockets = SLIP_TRY(open_name_sockets());
    return {};
  };
  SLIP_TRY(in_namespace(container, open_inside));
  names_ = true;
  // std::function wants something that can be copied.
  struct Parts {
    NameTable names;
    std::vector<Address> upstream;
    NameSockets sockets;
  };
  auto parts =
      std::make_shared<Parts>(Parts{std::move(names), std::move(upstream), std::move(sockets)});
  in_loop([this, forwarding, parts] {
    auto server =
        DnsServer::start(*loop_, std::move(parts->names), std::move(parts->upstream), forwarding,
                         std::move(parts->sockets.udp), std::move(parts->sockets.tcp));
    if (server) {
      dns_ = *std::move(server);
    } else {
      host_->note("no names for a container: " + server.error().text());
    }
  });
  return {};
}

void NetworkService::set_networks(std::vector<NameTable::Network> networks,
                                  DnsServer::Forwarding forwarding) {
  in_loop([this, networks = std::move(networks), forwarding] {
    if (dns_) dns_->set_networks(networks, forwarding);
  });
}

}  // namespace slipway::sandbox::net
