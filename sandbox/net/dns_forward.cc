// Questions to the machine's resolvers. Who asks lies in dns_server.cc.
#include "sandbox/net/dns_forward.h"

#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <cerrno>

#include "sandbox/net/socket_address.h"

namespace slipway::sandbox::net {
namespace {

constexpr std::size_t kOpenLimit = 64;
constexpr std::size_t kRounds = 2;
// Both servers of a usual resolv.conf have been asked once within the 5 s that glibc waits.
constexpr auto kPatience = std::chrono::seconds(2);

std::uint16_t random_id() {
  std::uint16_t id = 0;
  [[maybe_unused]] const ssize_t size = ::getrandom(&id, sizeof id, 0);
  return id;
}

}  // namespace

DnsForwarder::DnsForwarder(EventLoop& loop, std::vector<Address> servers, std::uint16_t port)
    : loop_(loop), servers_(std::move(servers)), port_(port) {
  loop_.on_tick([this](MonoTime now) { return expire(now); });
}

DnsForwarder::~DnsForwarder() {
  for (const auto& [fd, exchange] : open_) loop_.remove(fd);
}

void DnsForwarder::ask(const DnsQuery& query, std::string_view message, Transport transport,
                       Done done) {
  if (open_.size() >= kOpenLimit || servers_.empty())
    return done(answer_code(query, DnsCode::kServerFailure));
  auto exchange = std::make_shared<Exchange>();
  exchange->query = query;
  exchange->transport = transport;
  exchange->message = message;
  exchange->done = std::move(done);
  try_next(exchange);
}

void DnsForwarder::try_next(const std::shared_ptr<Exchange>& exchange) {
  while (exchange->attempt < servers_.size() * kRounds) {
    const Address server = servers_[exchange->attempt++ % servers_.size()];
    if (start(exchange, server)) return;
  }
  exchange->done(answer_code(exchange->query, DnsCode::kServerFailure));
}

bool DnsForwarder::start(const std::shared_ptr<Exchange>& exchange, const Address& server) {
  const bool udp = exchange->transport == Transport::kUdp;
  exchange->socket =
      Fd(::socket(server.v6 ? AF_INET6 : AF_INET,
                  (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int fd = exchange->socket.get();
  const SocketAddress address(server, port_);
  if (fd < 0) return false;
  if (::connect(fd, address.get(), address.size()) != 0 && (udp || errno != EINPROGRESS))
    return false;
  exchange->id = random_id();
  set_id(exchange->message, exchange->id);
  exchange->received.clear();
  if (udp) {
    if (::send(fd, exchange->message.data(), exchange->message.size(), MSG_NOSIGNAL) < 0)
      return false;
  } else {
    const auto size = static_cast<std::uint16_t>(exchange->message.size());
    exchange->unsent = {static_cast<char>(size >> 8), static_cast<char>(size & 0xff)};
    exchange->unsent += exchange->message;
  }
  exchange->deadline = std::chrono::steady_clock::now() + kPatience;
  const auto handler = [this, exchange](std::uint32_t events) { on_event(exchange, events); };
  if (!loop_.add(fd, udp ? EPOLLIN : EPOLLIN | EPOLLOUT, handler)) return false;
  open_[fd] = exchange;
  return true;
}

void DnsForwarder::close(Exchange& exchange) {
  const int fd = exchange.socket.get();
  loop_.remove(fd);
  open_.erase(fd);
  exchange.socket.reset();
}

void DnsForwarder::on_event(const std::shared_ptr<Exchange>& exchange, std::uint32_t events) {
  if (exchange->transport == Transport::kUdp) {
    read_udp(exchange);
  } else {
    move_tcp(exchange, events);
  }
}

void DnsForwarder::read_udp(const std::shared_ptr<Exchange>& exchange) {
  std::string answer(4096, '\0');
  const ssize_t size = ::recv(exchange->socket.get(), answer.data(), answer.size(), 0);
  if (size < 0) {
    if (errno == EAGAIN || errno == EINTR) return;
    close(*exchange);  // Refused: nobody listens there.
    return try_next(exchange);
  }
  answer.resize(static_cast<std::size_t>(size));
  // Something else that came from the server's address may be a forgery: the true answer is still waited for.
  if (!answers(answer, exchange->id, exchange->query)) return;
  take(exchange, std::move(answer));
}

void DnsForwarder::move_tcp(const std::shared_ptr<Exchange>& exchange, std::uint32_t events) {
  const int fd = exchange->socket.get();
  const auto failed = [&] {
    close(*exchange);
    try_next(exchange);
  };
  if (!exchange->unsent.empty() && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) {
    const ssize_t size = ::send(fd, exchange->unsent.data(), exchange->unsent.size(), MSG_NOSIGNAL);
    if (size < 0 && errno != EAGAIN) return failed();
    if (size > 0) exchange->unsent.erase(0, static_cast<std::size_t>(size));
    if (exchange->unsent.empty()) loop_.change(fd, EPOLLIN);
  }
  if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) == 0) return;
  char buffer[4096];
  const ssize_t size = ::recv(fd, buffer, sizeof buffer, 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (size <= 0) return failed();
  std::string& received = exchange->received;
  received.append(buffer, static_cast<std::size_t>(size));
  if (received.size() < 2) return;
  const std::size_t length = static_cast<std::size_t>(static_cast<std::uint8_t>(received[0])) << 8 |
                             static_cast<std::uint8_t>(received[1]);
  if (received.size() < length + 2) return;
  std::string answer = received.substr(2, length);
  if (!answers(answer, exchange->id, exchange->query)) return failed();
  take(exchange, std::move(answer));
}

void DnsForwarder::take(const std::shared_ptr<Exchange>& exchange, std::string answer) {
  close(*exchange);
  const DnsCode code = code_of(answer);
  const bool unable = code == DnsCode::kServerFailure || code == DnsCode::kRefused ||
                      code == DnsCode::kNotImplemented;
  // Another server may know; the last one's answer is passed on whatever it says.
  if (unable && exchange->attempt < servers_.size()) return try_next(exchange);
  set_id(answer, exchange->query.id);
  exchange->done(std::move(answer));
}

std::optional<MonoTime> DnsForwarder::expire(MonoTime now) {
  std::vector<std::shared_ptr<Exchange>> late;
  for (const auto& [fd, exchange] : open_) {
    if (exchange->deadline <= now) late.push_back(exchange);
  }
  for (const auto& exchange : late) {
    close(*exchange);
    try_next(exchange);
  }
  std::optional<MonoTime> next;
  for (const auto& [fd, exchange] : open_) {
    if (!next || exchange->deadline < *next) next = exchange->deadline;
  }
  return next;
}

}  // namespace slipway::sandbox::net
