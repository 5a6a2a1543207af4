#pragma once

#include <list>
#include <map>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/fd.h"
#include "sandbox/net/address.h"
#include "sandbox/net/event_loop.h"

namespace slipway::sandbox::net {

/// Carries what arrives at a held port to the container by copying. The firewall redirects nearly everything before it
/// comes here; what is left is IPv6 towards containers without it, [::1], and everything while somebody's reload has
/// thrown our rules away. Bounded: 256 connections and 256 UDP peers, 64 KiB of buffer each way.
class Relay {
 public:
  explicit Relay(EventLoop& loop);
  ~Relay();

  struct Target {
    Address address;
    std::uint16_t port = 0;
    int space = -1;  ///< Network namespace to ask from; -1: the loop's own.
  };
  /// The listener stays the caller's and has to live as long as this.
  Status add_tcp(int listener, const Target& target);
  Status add_udp(int socket, const Target& target);

 private:
  struct Half {
    Fd fd;
    std::string pending;  ///< Read from the other one, not yet written here.
    bool ended = false;   ///< Nothing more comes from here.
    bool closed = false;  ///< The end was passed on to here.
  };
  struct Connection {
    Half client, server;
    bool connected = false;
  };
  using ConnectionRef = std::shared_ptr<Connection>;
  struct UdpPeer {
    Fd fd;
    int socket = -1;  ///< Where answers leave from.
    std::string address;
    MonoTime last_used{};
  };

  void accept(int listener, const Target& target);
  void move(const ConnectionRef& connection, std::uint32_t client_events,
            std::uint32_t server_events);
  bool pump(Half& from, Half& to, bool readable);
  void update(const ConnectionRef& connection);
  void drop(const ConnectionRef& connection);
  void read_udp(int socket, const Target& target);
  void answer_udp(const std::shared_ptr<UdpPeer>& peer);
  std::optional<MonoTime> expire(MonoTime now);

  EventLoop& loop_;
  std::list<int> watched_;
  std::list<ConnectionRef> connections_;
  std::map<std::pair<int, std::string>, std::shared_ptr<UdpPeer>> peers_;
};

}  // namespace slipway::sandbox::net
