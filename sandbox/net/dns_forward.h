#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "sandbox/net/address.h"
#include "sandbox/net/dns_message.h"
#include "sandbox/net/event_loop.h"

namespace slipway::sandbox::net {

/// Asks the machine's resolvers, from the namespace of the loop's thread. Each question has a socket of its own (thus a
/// random port), connected (answers of others never arrive), and a random id. A server that is silent for two seconds,
/// refuses or fails is followed by the next one; all are asked twice.
class DnsForwarder {
 public:
  enum class Transport { kUdp, kTcp };
  /// The answer with the asker's id, or one that says "server failure".
  using Done = std::function<void(std::string answer)>;

  DnsForwarder(EventLoop& loop, std::vector<Address> servers, std::uint16_t port = 53);
  ~DnsForwarder();
  bool usable() const { return !servers_.empty(); }
  /// Beyond 64 open questions the answer is "server failure" at once.
  void ask(const DnsQuery& query, std::string_view message, Transport transport, Done done);

 private:
  struct Exchange {
    DnsQuery query;
    Transport transport = Transport::kUdp;
    std::string message;
    std::uint16_t id = 0;
    std::size_t attempt = 0;
    Fd socket;
    MonoTime deadline{};
    std::string unsent;    ///< TCP
    std::string received;  ///< TCP
    Done done;
  };
  void try_next(const std::shared_ptr<Exchange>& exchange);
  bool start(const std::shared_ptr<Exchange>& exchange, const Address& server);
  void on_event(const std::shared_ptr<Exchange>& exchange, std::uint32_t events);
  void read_udp(const std::shared_ptr<Exchange>& exchange);
  void move_tcp(const std::shared_ptr<Exchange>& exchange, std::uint32_t events);
  void take(const std::shared_ptr<Exchange>& exchange, std::string answer);
  void close(Exchange& exchange);
  std::optional<MonoTime> expire(MonoTime now);

  EventLoop& loop_;
  std::vector<Address> servers_;
  std::uint16_t port_;
  std::unordered_map<int, std::shared_ptr<Exchange>> open_;  ///< By descriptor.
};

}  // namespace slipway::sandbox::net
