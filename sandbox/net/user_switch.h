#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "sandbox/net/event_loop.h"

namespace slipway::sandbox::net {

/// An ordinary user's networks. Such a user owns no bridge on the machine, and each of his programs has a user
/// namespace of its own, so that none may put a link into another's container. Instead every container has a tap
/// device, and its monitor reads the frames and writes them straight into the tap devices of the others, whose
/// descriptors it was given over a socket: one copy, no process in between, and nothing to keep alive. A network is
/// the directory of these sockets; a socket's name is its container's MAC address.
/// (docs/decisions/020-user-networks.md)
class UserSwitch {
 public:
  explicit UserSwitch(EventLoop& loop) : loop_(loop) {}
  ~UserSwitch();

  /// In the loop's thread. `tap` is non-blocking; `mac` six bytes.
  Status add(const std::string& directory, const std::string& mac, Fd tap);
  void remove(const std::string& directory);

 private:
  struct Peer {
    Fd connection;  ///< Its end means that the peer is gone.
    Fd tap;         ///< Invalid until it was sent.
    std::vector<std::string> waiting;
  };
  struct Port {
    std::string path, mac;
    Fd directory, tap, listener;
    std::set<int> guests;  ///< Connections of those who have our tap.
    std::map<std::string, std::shared_ptr<Peer>> peers;
    std::int64_t listed = -1;  ///< Time stamp of the directory when `stations` was read.
    std::vector<std::string> stations;
  };
  using PortRef = std::shared_ptr<Port>;

  void read_tap(const PortRef& port);
  void forward(const PortRef& port, const std::string& mac, std::string_view frame);
  void accept_guest(const PortRef& port);
  void drop_guest(const PortRef& port, int guest);
  std::shared_ptr<Peer> connect_peer(const PortRef& port, const std::string& mac);
  void take_tap(const PortRef& port, const std::string& mac, const std::shared_ptr<Peer>& peer);
  void drop_peer(const PortRef& port, const std::string& mac);
  const std::vector<std::string>& stations(Port& port);
  void close(const PortRef& port);

  EventLoop& loop_;
  std::map<std::string, PortRef> ports_;  ///< By directory.
};

}  // namespace slipway::sandbox::net
