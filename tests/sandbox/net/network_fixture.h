#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/random.h"
#include "base/sys.h"
#include "base/text.h"
#include "sandbox/net/firewall.h"
#include "sandbox/net/namespaces.h"
#include "sandbox/net/socket_address.h"
#include "sandbox/networks.h"

namespace slipway::sandbox::net {

/// A fresh network namespace, with loopback up.
inline Fd make_namespace() {
  Fd made;
  std::thread([&] {
    if (::unshare(CLONE_NEWNET) != 0) return;
    made = std::move(*current_namespace());
    const auto up =
        sys::run_command({"ip", "link", "set", "lo", "up"}, CancelToken(), Millis(9000));
    EXPECT_TRUE(up && up->exit.code == 0);
  }).join();
  EXPECT_TRUE(made.valid());
  return made;
}

/// Runs `body` in a namespace; an invalid one is the caller's own.
inline Status inside(const Fd& space, const std::function<Status()>& body) {
  return space ? in_namespace(space.get(), body) : body();
}

/// What a command prints when it is run in a namespace; it must succeed.
inline std::string run_in(const Fd& space, const std::vector<std::string>& argv) {
  std::string out;
  const auto done = inside(space, [&]() -> Status {
    const auto result = SLIP_TRY(sys::run_command(argv, CancelToken(), Millis(20'000)));
    out = result.out;
    if (result.exit.code == 0 && !result.exit.signalled) return {};
    return fail(ErrorCode::kInternal, join(argv, " ") + ": " + result.err);
  });
  EXPECT_TRUE(done) << done.error().text();
  return out;
}

/// A TCP listener or bound UDP socket in a namespace.
inline Fd serve(const Fd& space, const std::string& address, std::uint16_t port,
                int type = SOCK_STREAM) {
  Fd fd;
  const auto done = inside(space, [&]() -> Status {
    const Address host = *Address::parse(address);
    fd = Fd(::socket(host.v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0));
    const SocketAddress at(host, port);
    if (::bind(fd.get(), at.get(), at.size()) != 0) return fail_errno("bind " + address);
    if (type == SOCK_STREAM && ::listen(fd.get(), 16) != 0) return fail_errno("listen");
    return {};
  });
  EXPECT_TRUE(done) << done.error().text();
  return fd;
}

/// A TCP connection made from a namespace; invalid when there is none within `patience`.
inline Fd reach(const Fd& space, const std::string& address, std::uint16_t port,
                Millis patience = Millis(5000), int type = SOCK_STREAM) {
  Fd fd;
  [[maybe_unused]] const auto done = inside(space, [&]() -> Status {
    const Address host = *Address::parse(address);
    fd = Fd(::socket(host.v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const SocketAddress at(host, port);
    if (::connect(fd.get(), at.get(), at.size()) == 0) return {};
    pollfd wait{fd.get(), POLLOUT, 0};
    int error = 0;
    socklen_t size = sizeof error;
    const bool answered = errno == EINPROGRESS &&
                          ::poll(&wait, 1, static_cast<int>(patience.count())) == 1 &&
                          ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0;
    if (!answered || error != 0) fd.reset();
    return {};
  });
  return fd;
}
constexpr Millis kBlocked{250};  ///< How long a packet that is dropped is waited for.

/// Whom a listener sees at the other end of the next connection; "" when nobody comes.
inline std::string accept_from(const Fd& listener) {
  pollfd wait{listener.get(), POLLIN, 0};
  if (::poll(&wait, 1, 5000) != 1) return "";
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  const Fd connection(
      ::accept4(listener.get(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC));
  const auto* bytes = reinterpret_cast<const char*>(&peer);
  return peer.ss_family == AF_INET6 ? Address::from_bytes({bytes + 8, 16}).str()
                                    : Address::from_bytes({bytes + 4, 4}).str();
}

/// Sends a word by UDP from one place and waits for it at the other.
inline bool passes_udp(const Fd& from, const std::string& address, std::uint16_t port,
                       const Fd& receiver, Millis patience = Millis(5000)) {
  const Fd sender = reach(from, address, port, patience, SOCK_DGRAM);
  if (!sender || ::send(sender.get(), "word", 4, 0) != 4) return false;
  pollfd wait{receiver.get(), POLLIN, 0};
  char word[8];
  return ::poll(&wait, 1, static_cast<int>(patience.count())) == 1 &&
         ::recv(receiver.get(), word, sizeof word, 0) == 4;
}

/// A container that is nothing but its network.
struct Box {
  std::string id;
  Fd space;
  std::unique_ptr<NetworkSession> session;
  const EndpointInfo& on(std::size_t index = 0) const { return session->endpoints().at(index); }
};

/// Each test plays on a machine of its own: a network namespace with eth0 192.0.2.2 and 2001:db8::2, whose default
/// route leads to a second one ("outside", 192.0.2.1 and 2001:db8::1). The real machine is never touched.
class NetworkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    real_ = std::move(*current_namespace());
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0) << "needs root";
    host_ = std::move(*current_namespace());
    outside_ = make_namespace();
    const std::string out =
        "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(outside_.get());
    run_in(host_, {"ip", "link", "set", "lo", "up"});
    run_in(host_,
           {"ip", "link", "add", "eth0", "type", "veth", "peer", "name", "up0", "netns", out});
    for (const char* address : {"192.0.2.2/24", "2001:db8::2/64"})
      run_in(host_, {"ip", "addr", "add", address, "dev", "eth0", "nodad"});
    run_in(host_, {"ip", "link", "set", "eth0", "up"});
    for (const char* address : {"192.0.2.1/24", "2001:db8::1/64"})
      run_in(outside_, {"ip", "addr", "add", address, "dev", "up0", "nodad"});
    run_in(outside_, {"ip", "link", "set", "up0", "up"});
    run_in(host_, {"ip", "route", "add", "default", "via", "192.0.2.1"});
    run_in(host_, {"ip", "-6", "route", "add", "default", "via", "2001:db8::1"});
    auto directory = TempDir::make("/var/tmp", "slipway-net");
    ASSERT_TRUE(directory);
    directory_ = std::make_unique<TempDir>(std::move(*directory));
    auto opened = Networks::open(state());
    ASSERT_TRUE(opened) << opened.error().text();
    networks_ = std::move(*opened);
  }

  void TearDown() override {
    networks_.reset();
    ASSERT_EQ(::setns(real_.get(), CLONE_NEWNET), 0);
  }

  const std::string& state() const { return directory_->path(); }

  NetworkInfo create(NetworkConfig config) {
    auto made = networks_->create(config);
    EXPECT_TRUE(made) << made.error().text();
    return made ? *made : NetworkInfo();
  }
  NetworkInfo create(const std::string& name) {
    NetworkConfig config;
    config.name = name;
    return create(config);
  }

  SessionRequest request(const std::string& network, const std::string& name = "box") {
    SessionRequest request;
    request.client = {random_hex(32), name, name + "-host"};
    request.endpoints = {{network, {}, "", "", ""}};
    return request;
  }

  Box start(const SessionRequest& request) {
    Box box;
    box.id = request.client.container_id;
    box.space = make_namespace();
    auto session = networks_->open_session(request);
    EXPECT_TRUE(session) << session.error().text();
    if (!session) return box;
    box.session = std::move(*session);
    const auto attached = box.session->attach(box.space.get());
    EXPECT_TRUE(attached) << attached.error().text();
    return box;
  }
  Box start(const std::string& network, const std::string& name = "box") {
    return start(request(network, name));
  }

  std::string rules() { return run_in(host_, {"nft", "list", "ruleset"}); }
  /// Names alone: whether a bridge is in use or not changes its state.
  std::string links() {
    const std::string list = run_in(host_, {"ip", "-br", "link"});
    std::string names;
    for (const std::string_view line : split(list, '\n'))
      names += std::string(line.substr(0, line.find_first_of(" @"))) + "\n";
    return names;
  }

  Fd real_;
  Fd host_;
  Fd outside_;
  std::unique_ptr<TempDir> directory_;
  std::shared_ptr<Networks> networks_;
};

}  // namespace slipway::sandbox::net
