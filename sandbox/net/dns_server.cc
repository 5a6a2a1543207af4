// A container's name server: its sockets, and which questions are answered here.
#include "sandbox/net/dns_server.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "sandbox/net/dns_message.h"

namespace slipway::sandbox::net {
namespace {

constexpr std::size_t kClientLimit = 16;
constexpr auto kClientPatience = std::chrono::seconds(10);
constexpr int kDatagramsAtOnce = 32;
constexpr std::size_t kQueryLimit = 4096;  // A question is at most 271 bytes; options may follow.

}  // namespace

DnsServer::DnsServer(EventLoop& loop, NameTable names, std::vector<Address> upstream,
                     Forwarding forwarding, Fd udp, Fd tcp)
    : loop_(loop),
      names_(std::move(names)),
      forwarder_(loop, std::move(upstream)),
      forwarding_(forwarding),
      udp_(std::move(udp)),
      tcp_(std::move(tcp)) {}

Result<std::unique_ptr<DnsServer>> DnsServer::start(EventLoop& loop, NameTable names,
                                                    std::vector<Address> upstream,
                                                    Forwarding forwarding, Fd udp, Fd tcp) {
  std::unique_ptr<DnsServer> server(new DnsServer(loop, std::move(names), std::move(upstream),
                                                  forwarding, std::move(udp), std::move(tcp)));
  DnsServer* raw = server.get();
  SLIP_TRY(loop.add(raw->udp_.get(), EPOLLIN, [raw](std::uint32_t) { raw->read_udp(); }));
  SLIP_TRY(loop.add(raw->tcp_.get(), EPOLLIN, [raw](std::uint32_t) { raw->accept_tcp(); }));
  loop.on_tick([raw](MonoTime now) { return raw->expire(now); });
  return server;
}

DnsServer::~DnsServer() {
  *alive_ = false;
  loop_.remove(udp_.get());
  loop_.remove(tcp_.get());
  for (const auto& client : clients_) loop_.remove(client->socket.get());
}

void DnsServer::set_networks(std::vector<NameTable::Network> networks, Forwarding forwarding) {
  names_.set_networks(std::move(networks));
  forwarding_ = forwarding;
}

std::optional<std::string> DnsServer::answer_here(const DnsQuery& query, std::size_t limit) {
  if (query.klass != kClassIn && query.klass != kClassAny)
    return answer_code(query, DnsCode::kRefused);
  if (query.type == kTypePtr) {
    if (const auto address = address_of_reverse_name(query.name)) {
      const std::string name = names_.name_of(*address);
      if (!name.empty()) return answer_name(query, name);
      if (names_.ours(*address)) return answer_code(query, DnsCode::kNoSuchName);
    }
  } else {
    NameTable::Found found = names_.find(query.name);
    std::erase_if(found.addresses, [&](const Address& address) {
      return query.type != kTypeAny && query.type != (address.v6 ? kTypeAaaa : kTypeA);
    });
    if (found.known) return answer_addresses(query, found.addresses, limit);
  }
  if (forwarding_ == Forwarding::kYes && forwarder_.usable()) return std::nullopt;
  return answer_code(query, DnsCode::kNoSuchName);
}

void DnsServer::resolve(std::string_view message, DnsForwarder::Transport transport,
                        const DnsForwarder::Done& done) {
  const auto query = parse_query(message);
  if (!query) {
    if (!query.error().answer.empty()) done(query.error().answer);
    return;
  }
  const bool udp = transport == DnsForwarder::Transport::kUdp;
  const std::size_t limit = udp ? query->answer_limit : kMessageLimit;
  if (auto answer = answer_here(*query, limit)) return done(*std::move(answer));
  forwarder_.ask(*query, message, transport, [done, limit, query = *query](std::string answer) {
    done(answer.size() > limit ? truncated(answer, query) : std::move(answer));
  });
}

void DnsServer::read_udp() {
  char message[kQueryLimit];
  for (int i = 0; i < kDatagramsAtOnce; ++i) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    const ssize_t length = ::recvfrom(udp_.get(), message, sizeof message, 0,
                                      reinterpret_cast<sockaddr*>(&peer), &size);
    if (length < 0) return;
    const auto reply = [this, alive = alive_, peer, size](const std::string& answer) {
      if (!*alive) return;
      [[maybe_unused]] const ssize_t sent =
          ::sendto(udp_.get(), answer.data(), answer.size(), MSG_NOSIGNAL,
                   reinterpret_cast<const sockaddr*>(&peer), size);
    };
    resolve({message, static_cast<std::size_t>(length)}, DnsForwarder::Transport::kUdp, reply);
  }
}

void DnsServer::accept_tcp() {
  auto client = std::make_shared<Client>();
  client->socket = Fd(::accept4(tcp_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!client->socket) return;
  // The oldest makes room: a container can only be a nuisance to itself.
  if (clients_.size() >= kClientLimit) drop(clients_.front());
  client->deadline = std::chrono::steady_clock::now() + kClientPatience;
  const auto handler = [this, client](std::uint32_t events) { move_client(client, events); };
  if (loop_.add(client->socket.get(), EPOLLIN, handler)) clients_.push_back(client);
}

void DnsServer::drop(const std::shared_ptr<Client>& gone) {
  const std::shared_ptr<Client> client = gone;  // `gone` may live in the list or in the handler.
  if (!client->socket) return;
  loop_.remove(client->socket.get());
  client->socket.reset();
  clients_.remove(client);
}

void DnsServer::move_client(const std::shared_ptr<Client>& client, std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) flush(client);
  if (!client->socket || (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
  char buffer[2048];
  const ssize_t size = ::recv(client->socket.get(), buffer, sizeof buffer, 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0 || client->received.size() > 2 * kQueryLimit) return drop(client);
  client->received.append(buffer, static_cast<std::size_t>(size));
  serve_client(client);
}

void DnsServer::serve_client(const std::shared_ptr<Client>& client) {
  if (std::exchange(client->serving, true)) return;  // The loop below goes on by itself.
  while (client->socket && !client->waiting && client->received.size() >= 2) {
    const std::size_t length =
        static_cast<std::size_t>(static_cast<std::uint8_t>(client->received[0])) << 8 |
        static_cast<std::uint8_t>(client->received[1]);
    if (length > kQueryLimit || length == 0) return drop(client);
    if (client->received.size() < length + 2) break;
    const std::string message = client->received.substr(2, length);
    client->received.erase(0, length + 2);
    client->waiting = true;
    client->deadline = std::chrono::steady_clock::now() + kClientPatience;
    resolve(message, DnsForwarder::Transport::kTcp,
            [this, alive = alive_, client](const std::string& answer) {
              if (!*alive || !client->socket) return;
              client->waiting = false;
              send_to_client(client, answer);
              serve_client(client);
            });
  }
  client->serving = false;
}

void DnsServer::send_to_client(const std::shared_ptr<Client>& client, const std::string& answer) {
  if (client->unsent.size() > kMessageLimit) return drop(client);  // Asks, but does not read.
  client->unsent += static_cast<char>(answer.size() >> 8);
  client->unsent += static_cast<char>(answer.size() & 0xff);
  client->unsent += answer;
  flush(client);
}

void DnsServer::flush(const std::shared_ptr<Client>& client) {
  if (!client->socket) return;
  const ssize_t size =
      ::send(client->socket.get(), client->unsent.data(), client->unsent.size(), MSG_NOSIGNAL);
  if (size < 0 && errno != EAGAIN) return drop(client);
  if (size > 0) client->unsent.erase(0, static_cast<std::size_t>(size));
  loop_.change(client->socket.get(), client->unsent.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
}

std::optional<MonoTime> DnsServer::expire(MonoTime now) {
  std::optional<MonoTime> next;
  const auto clients = clients_;
  for (const auto& client : clients) {
    if (client->deadline <= now) {
      drop(client);
    } else if (!next || client->deadline < *next) {
      next = client->deadline;
    }
  }
  return next;
}

}  // namespace slipway::sandbox::net
