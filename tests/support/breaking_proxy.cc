// A relay that breaks connections: one thread for each.
#include "tests/support/breaking_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "tests/support/loopback.h"

namespace slipway::testing {
namespace {

void reset(int fd) {
  const linger at_once{1, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

bool send_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t sent = ::send(fd, data, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    size -= static_cast<std::size_t>(sent);
  }
  return true;
}

}  // namespace

struct BreakingProxy::State {
  int to_port = 0;
  int port = 0;
  Fd listener;
  std::mutex mutex;  // all below
  bool stopping = false;
  std::set<int> open;
  std::vector<std::thread> threads;
  std::array<std::deque<std::uint64_t>, 2>
      breaks_after;  // sent, received: bytes left until the next break
  int breaks = 0;
  std::thread acceptor;

  void accept_all();
  void relay(int client);
  /// How many of `size` bytes may pass before the connection breaks.
  std::size_t allowed(std::size_t direction, std::size_t size);
};

std::size_t BreakingProxy::State::allowed(std::size_t direction, std::size_t size) {
  std::lock_guard lock(mutex);
  auto& list = breaks_after[direction];
  if (list.empty()) return size;
  if (list.front() > size) {
    list.front() -= size;
    return size;
  }
  const std::size_t part = static_cast<std::size_t>(list.front());
  list.pop_front();
  ++breaks;
  return part;
}

void BreakingProxy::State::relay(int client) {
  const Fd server(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_in address = loopback(to_port);
  bool going =
      ::connect(server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const std::array<int, 2> ends{client, server.get()};
  std::array<char, 65536> buffer{};
  while (going) {
    std::array<pollfd, 2> polls{pollfd{ends[0], POLLIN, 0}, pollfd{ends[1], POLLIN, 0}};
    if (::poll(polls.data(), polls.size(), -1) < 0) break;
    for (std::size_t i = 0; i < 2 && going; ++i) {
      if (polls[i].revents == 0) continue;
      const ssize_t got = ::recv(ends[i], buffer.data(), buffer.size(), 0);
      if (got <= 0) going = false;
      if (got <= 0) break;
      const std::size_t size = static_cast<std::size_t>(got);
      const std::size_t part = allowed(i, size);
      going = send_all(ends[1 - i], buffer.data(), part) && part == size;
      if (part < size) {
        reset(ends[0]);
        reset(ends[1]);
      }
    }
  }
  std::lock_guard lock(mutex);
  open.erase(client);
  ::close(client);
}

void BreakingProxy::State::accept_all() {
  while (true) {
    const int fd = ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
    std::lock_guard lock(mutex);
    if (fd < 0 || stopping) {
      if (fd >= 0) ::close(fd);
      return;
    }
    open.insert(fd);
    threads.emplace_back([this, fd] { relay(fd); });
  }
}

BreakingProxy::BreakingProxy(int to_port) : state_(std::make_unique<State>()) {
  state_->to_port = to_port;
  LoopbackListener made = listen_on_loopback("breaking proxy");
  state_->listener = std::move(made.fd);
  state_->port = made.port;
  state_->acceptor = std::thread([state = state_.get()] { state->accept_all(); });
}

BreakingProxy::~BreakingProxy() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    ::shutdown(state_->listener.get(), SHUT_RDWR);
    for (const int fd : state_->open) ::shutdown(fd, SHUT_RDWR);
  }
  state_->acceptor.join();
  for (std::thread& thread : state_->threads) thread.join();
}

std::string BreakingProxy::host() const { return "127.0.0.1:" + std::to_string(state_->port); }

void BreakingProxy::break_after_sent(std::uint64_t bytes) {
  std::lock_guard lock(state_->mutex);
  state_->breaks_after[0].push_back(bytes);
}

void BreakingProxy::break_after_received(std::uint64_t bytes) {
  std::lock_guard lock(state_->mutex);
  state_->breaks_after[1].push_back(bytes);
}

int BreakingProxy::breaks() const {
  std::lock_guard lock(state_->mutex);
  return state_->breaks;
}

}  // namespace slipway::testing
