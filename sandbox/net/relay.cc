// Copying between held ports and containers, for what the firewall cannot redirect.
#include "sandbox/net/relay.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <vector>

#include "sandbox/net/namespaces.h"
#include "sandbox/net/socket_address.h"

namespace slipway::sandbox::net {
namespace {

constexpr std::size_t kConnectionLimit = 256;
constexpr std::size_t kPeerLimit = 256;
constexpr std::size_t kBufferLimit = 65'536;
constexpr auto kUdpPatience = std::chrono::seconds(90);  // As docker-proxy's.

// A socket that has begun to connect; invalid when that cannot work.
Fd open_towards(const Relay::Target& target, int type) {
  Fd fd;
  const auto open = [&]() -> Status {
    fd = Fd(
        ::socket(target.address.v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const SocketAddress to(target.address, target.port);
    if (fd && ::connect(fd.get(), to.get(), to.size()) != 0 && errno != EINPROGRESS) fd.reset();
    return {};
  };
  const auto done = target.space < 0 ? open() : in_namespace(target.space, open);
  return done ? std::move(fd) : Fd();
}

}  // namespace

Relay::Relay(EventLoop& loop) : loop_(loop) {
  loop_.on_tick([this](MonoTime now) { return expire(now); });
}

Relay::~Relay() {
  for (const int fd : watched_) loop_.remove(fd);
  while (!connections_.empty()) drop(connections_.front());
  for (const auto& [key, peer] : peers_) loop_.remove(peer->fd.get());
}

Status Relay::add_tcp(int listener, const Target& target) {
  SLIP_TRY(loop_.add(listener, EPOLLIN,
                     [this, listener, target](std::uint32_t) { accept(listener, target); }));
  watched_.push_back(listener);
  return {};
}

Status Relay::add_udp(int socket, const Target& target) {
  SLIP_TRY(loop_.add(socket, EPOLLIN,
                     [this, socket, target](std::uint32_t) { read_udp(socket, target); }));
  watched_.push_back(socket);
  return {};
}

void Relay::accept(int listener, const Target& target) {
  auto connection = std::make_shared<Connection>();
  connection->client.fd = Fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!connection->client.fd || connections_.size() >= kConnectionLimit) return;
  connection->server.fd = open_towards(target, SOCK_STREAM);
  if (!connection->server.fd) return;
  const bool watched =
      loop_.add(connection->client.fd.get(), 0,
                [this, connection](std::uint32_t events) { move(connection, events, 0); }) &&
      loop_.add(connection->server.fd.get(), EPOLLOUT,
                [this, connection](std::uint32_t events) { move(connection, 0, events); });
  connections_.push_back(connection);
  if (!watched) drop(connection);
}

void Relay::drop(const ConnectionRef& gone) {
  const ConnectionRef connection = gone;  // `gone` may live in the list or in a handler.
  for (Half* half : {&connection->client, &connection->server}) {
    if (!half->fd) continue;
    loop_.remove(half->fd.get());
    half->fd.reset();
  }
  connections_.remove(connection);
}

// Moves what can be moved without waiting; false when the connection is broken.
bool Relay::pump(Half& from, Half& to, bool readable) {
  if (readable && !from.ended && to.pending.size() < kBufferLimit) {
    char buffer[16'384];
    const ssize_t size = ::recv(from.fd.get(), buffer, sizeof buffer, 0);
    if (size < 0 && errno != EAGAIN && errno != EINTR) return false;
    if (size == 0) from.ended = true;
    if (size > 0) to.pending.append(buffer, static_cast<std::size_t>(size));
  }
  if (!to.pending.empty()) {
    const ssize_t size = ::send(to.fd.get(), to.pending.data(), to.pending.size(), MSG_NOSIGNAL);
    if (size < 0 && errno != EAGAIN && errno != EINTR) return false;
    if (size > 0) to.pending.erase(0, static_cast<std::size_t>(size));
  }
  if (from.ended && to.pending.empty() && !to.closed) {
    to.closed = true;
    ::shutdown(to.fd.get(), SHUT_WR);
  }
  return true;
}

void Relay::move(const ConnectionRef& connection, std::uint32_t client_events,
                 std::uint32_t server_events) {
  if (!connection->client.fd) return;
  if (!connection->connected) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(connection->server.fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0 || (client_events & (EPOLLERR | EPOLLHUP)) != 0) return drop(connection);
    if ((server_events & EPOLLOUT) == 0) return;
    connection->connected = true;
  }
  constexpr std::uint32_t kReadable = EPOLLIN | EPOLLHUP | EPOLLERR;
  Half &client = connection->client, &server = connection->server;
  const bool whole = pump(client, server, (client_events & kReadable) != 0) &&
                     pump(server, client, (server_events & kReadable) != 0);
  if (!whole || (client.closed && server.closed)) return drop(connection);
  update(connection);
}

void Relay::update(const ConnectionRef& connection) {
  const auto wanted = [](const Half& half, const Half& other) {
    std::uint32_t events = 0;
    if (!half.ended && other.pending.size() < kBufferLimit) events |= EPOLLIN;
    if (!half.pending.empty()) events |= EPOLLOUT;
    return events;
  };
  const std::uint32_t client = wanted(connection->client, connection->server);
  const std::uint32_t server = wanted(connection->server, connection->client);
  loop_.change(connection->client.fd.get(), client);
  loop_.change(connection->server.fd.get(), server);
}

void Relay::read_udp(int socket, const Target& target) {
  char datagram[65'536];
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  const ssize_t length =
      ::recvfrom(socket, datagram, sizeof datagram, 0, reinterpret_cast<sockaddr*>(&from), &size);
  if (length < 0) return;
  const std::pair key(socket, std::string(reinterpret_cast<const char*>(&from), size));
  auto found = peers_.find(key);
  if (found == peers_.end()) {
    if (peers_.size() >= kPeerLimit) return;
    auto peer = std::make_shared<UdpPeer>();
    peer->socket = socket;
    peer->address = key.second;
    peer->fd = open_towards(target, SOCK_DGRAM);
    if (!peer->fd) return;
    if (!loop_.add(peer->fd.get(), EPOLLIN, [this, peer](std::uint32_t) { answer_udp(peer); }))
      return;
    found = peers_.emplace(key, peer).first;
  }
  found->second->last_used = std::chrono::steady_clock::now();
  [[maybe_unused]] const ssize_t sent =
      ::send(found->second->fd.get(), datagram, static_cast<std::size_t>(length), MSG_NOSIGNAL);
}

void Relay::answer_udp(const std::shared_ptr<UdpPeer>& peer) {
  char datagram[65'536];
  const ssize_t length = ::recv(peer->fd.get(), datagram, sizeof datagram, 0);
  if (length < 0) return;  // Nobody listens in the container: UDP is silent about that.
  peer->last_used = std::chrono::steady_clock::now();
  [[maybe_unused]] const ssize_t sent =
      ::sendto(peer->socket, datagram, static_cast<std::size_t>(length), MSG_NOSIGNAL,
               reinterpret_cast<const sockaddr*>(peer->address.data()),
               static_cast<socklen_t>(peer->address.size()));
}

std::optional<MonoTime> Relay::expire(MonoTime now) {
  std::optional<MonoTime> next;
  std::erase_if(peers_, [&](const auto& entry) {
    const MonoTime end = entry.second->last_used + kUdpPatience;
    if (end > now) {
      if (!next || end < *next) next = end;
      return false;
    }
    loop_.remove(entry.second->fd.get());
    return true;
  });
  return next;
}

}  // namespace slipway::sandbox::net
