// What the firewall cannot redirect is carried by hand; and rules that somebody throws away come back.
#include "tests/sandbox/net/network_fixture.h"

namespace slipway::sandbox::net {
namespace {

class NetRelay : public NetworkTest {
 protected:
  Box publish(std::vector<PublishedPort> ports) {
    SessionRequest wanted = request("bridge");
    wanted.ports = std::move(ports);
    return start(wanted);
  }

  /// Sends `size` bytes from a client and expects them back from a server that echoes until the end.
  static void expect_echo(const Fd& client, const Fd& listener, std::size_t size) {
    std::thread echo([&] {
      const Fd peer(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
      std::vector<char> buffer(65'536);
      for (ssize_t got; (got = ::recv(peer.get(), buffer.data(), buffer.size(), 0)) > 0;) {
        if (!write_all(peer.get(), {buffer.data(), static_cast<std::size_t>(got)}, "echo")) return;
      }
    });
    std::string data(size, '\0');
    for (std::size_t i = 0; i < size; ++i) data[i] = static_cast<char>(i * 7 + i / 251);
    std::thread sender([&] {
      ::fcntl(client.get(), F_SETFL, 0);
      EXPECT_TRUE(write_all(client.get(), data, "send"));
      ::shutdown(client.get(), SHUT_WR);
    });
    std::string back;
    std::vector<char> buffer(65'536);
    for (;;) {
      pollfd wait{client.get(), POLLIN, 0};
      if (::poll(&wait, 1, 10'000) != 1) break;
      const ssize_t got = ::recv(client.get(), buffer.data(), buffer.size(), 0);
      if (got <= 0) break;
      back.append(buffer.data(), static_cast<std::size_t>(got));
    }
    sender.join();
    echo.join();
    EXPECT_TRUE(back == data) << back.size() << " of " << data.size() << " bytes";
  }
};

TEST_F(NetRelay, IPv6ClientsReachAContainerWithoutIPv6) {
  const Box box = publish({{"", 8080, 80, Protocol::kTcp}});
  const Fd server = serve(box.space, "0.0.0.0", 80);
  for (const auto& [from, address] : {std::pair(&host_, "::1"), std::pair(&host_, "2001:db8::2"),
                                      std::pair(&outside_, "2001:db8::2")}) {
    const Fd client = reach(*from, address, 8080);
    ASSERT_TRUE(client) << address;
    expect_echo(client, server, 1 << 20);
  }
}

TEST_F(NetRelay, UdpOverIPv6LoopbackIsCarriedBothWays) {
  const Box box = publish({{"", 5353, 53, Protocol::kUdp}});
  const Fd server = serve(box.space, "0.0.0.0", 53, SOCK_DGRAM);
  const Fd client = reach(host_, "::1", 5353, Millis(5000), SOCK_DGRAM);
  ASSERT_EQ(::send(client.get(), "ask", 3, 0), 3);
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  char word[16];
  pollfd wait{server.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&wait, 1, 5000), 1);
  ASSERT_EQ(
      ::recvfrom(server.get(), word, sizeof word, 0, reinterpret_cast<sockaddr*>(&peer), &size), 3);
  ASSERT_EQ(::sendto(server.get(), "answer", 6, 0, reinterpret_cast<sockaddr*>(&peer), size), 6);
  pollfd back{client.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&back, 1, 5000), 1);
  EXPECT_EQ(::recv(client.get(), word, sizeof word, 0), 6);
}

TEST_F(NetRelay, ClosedContainerPortClosesTheConnection) {
  const Box box = publish({{"", 8080, 80, Protocol::kTcp}});
  const Fd client = reach(host_, "::1", 8080);
  ASSERT_TRUE(client);
  pollfd wait{client.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&wait, 1, 5000), 1);
  char byte;
  EXPECT_LE(::recv(client.get(), &byte, 1, 0), 0);
}

TEST_F(NetRelay, FlushedRulesAreRestoredByTheRunningContainer) {
  const Box box = publish({{"", 8080, 80, Protocol::kTcp}});
  const std::string before = rules();
  const Fd events = std::move(*Firewall::watch());
  run_in(host_, {"nft", "flush", "ruleset"});
  // Our own watch sees the flush, then what the session does about it.
  for (int i = 0; i < 1000 && rules() != before; ++i) {
    pollfd wait{events.get(), POLLIN, 0};
    ::poll(&wait, 1, 20);
    char event[8192];
    while (::recv(events.get(), event, sizeof event, MSG_DONTWAIT) > 0) {
    }
  }
  EXPECT_EQ(rules(), before);
}

}  // namespace
}  // namespace slipway::sandbox::net
