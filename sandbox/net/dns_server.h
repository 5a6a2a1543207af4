#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "sandbox/net/dns_forward.h"
#include "sandbox/net/event_loop.h"
#include "sandbox/net/names.h"

namespace slipway::sandbox::net {

/// A container's name server: container names from the records, the rest from the machine's resolvers unless all its
/// networks are internal (CVE-2024-29018). The sockets are the container's, the thread and the questions asked
/// upstream are the monitor's.
class DnsServer {
 public:
  enum class Forwarding { kYes, kNo };

  /// `udp` and `tcp` are bound (and listening) already, non-blocking.
  static Result<std::unique_ptr<DnsServer>> start(EventLoop& loop, NameTable names,
                                                  std::vector<Address> upstream,
                                                  Forwarding forwarding, Fd udp, Fd tcp);
  ~DnsServer();
  void set_networks(std::vector<NameTable::Network> networks, Forwarding forwarding);

 private:
  DnsServer(EventLoop& loop, NameTable names, std::vector<Address> upstream, Forwarding forwarding,
            Fd udp, Fd tcp);
  struct Client {  ///< One TCP connection; questions are answered one after the other.
    Fd socket;
    std::string received;
    std::string unsent;
    bool waiting = false;  ///< For an answer from upstream.
    bool serving = false;
    MonoTime deadline{};
  };

  void read_udp();
  void accept_tcp();
  void move_client(const std::shared_ptr<Client>& client, std::uint32_t events);
  void serve_client(const std::shared_ptr<Client>& client);
  void send_to_client(const std::shared_ptr<Client>& client, const std::string& answer);
  void flush(const std::shared_ptr<Client>& client);
  void drop(const std::shared_ptr<Client>& client);
  std::optional<MonoTime> expire(MonoTime now);

  /// Our own answer, or nothing: it is to be asked upstream.
  std::optional<std::string> answer_here(const DnsQuery& query, std::size_t limit);
  void resolve(std::string_view message, DnsForwarder::Transport transport,
               const DnsForwarder::Done& done);

  EventLoop& loop_;
  NameTable names_;
  DnsForwarder forwarder_;
  Forwarding forwarding_;
  Fd udp_, tcp_;
  std::list<std::shared_ptr<Client>> clients_;
  /// Answers from upstream may arrive after our end.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace slipway::sandbox::net
