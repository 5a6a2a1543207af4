// The HTTP server with handlers of our own: bodies, streams, hijacking, limits, its end.
#include "web/http/server.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <future>
#include <thread>

#include "base/files.h"
#include "base/text.h"

namespace slipway::web {
namespace {

class HttpServer : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = TempDir::make("/tmp", "slipway-http");
    ASSERT_TRUE(made) << made.error().text();
    directory_ = std::make_unique<TempDir>(std::move(*made));
    path_ = directory_->path() + "/api.sock";
  }
  void TearDown() override { stop(); }

  void serve(Server::Handler handler, std::size_t max_workers = 64) {
    ServerOptions options;
    options.addresses.push_back(ListenAddress::parse("unix://" + path_).value());
    options.max_workers = max_workers;
    auto server = Server::open(std::move(options), std::move(handler));
    ASSERT_TRUE(server) << server.error().text();
    server_ = *std::move(server);
    thread_ = std::thread([this] { EXPECT_TRUE(server_->run(cancel_)); });
  }
  void stop() {
    if (!thread_.joinable()) return;
    cancel_.cancel(CancelLevel::kTerminate);
    thread_.join();
    server_.reset();
  }

  Fd connect() const {
    Fd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    EXPECT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
    const timeval patience{20, 0};
    ::setsockopt(client.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return client;
  }
  static void send(const Fd& client, std::string_view text) {
    EXPECT_TRUE(write_all(client.get(), text, "socket"));
  }
  static std::string read_all(const Fd& client) {
    std::string all;
    std::array<char, 65536> piece;
    for (;;) {
      const ssize_t got = ::read(client.get(), piece.data(), piece.size());
      if (got <= 0) return all;
      all.append(piece.data(), static_cast<std::size_t>(got));
    }
  }
  static std::string read_until(const Fd& client, std::string_view wanted) {
    std::string all;
    char byte = 0;
    while (all.find(wanted) == std::string::npos && ::read(client.get(), &byte, 1) == 1)
      all += byte;
    return all;
  }
  /// One request on a connection of its own.
  std::string ask(std::string_view text) const {
    const Fd client = connect();
    send(client, text);
    ::shutdown(client.get(), SHUT_WR);
    return read_all(client);
  }

  std::unique_ptr<TempDir> directory_;
  std::string path_;
  CancelToken cancel_;
  std::unique_ptr<Server> server_;
  std::thread thread_;
};

constexpr std::string_view kClose = "Connection: close\r\n\r\n";

TEST_F(HttpServer, GivesBodiesOfBothKindsToItsHandler) {
  serve([](Exchange& exchange) {
    const auto body = exchange.body(1_MiB);
    (void)exchange.answer(200, "text/plain", body ? *body : body.error().text());
  });
  const Fd client = connect();
  send(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
  EXPECT_TRUE(read_until(client, "hello").ends_with("\r\n\r\nhello"));
  send(client, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  send(client, "4\r\ndefg\r\n0\r\n\r\n");
  EXPECT_TRUE(read_until(client, "abcdefg").ends_with("\r\n\r\nabcdefg"));
}

TEST_F(HttpServer, BoundsABodyThatIsReadWhole) {
  serve([](Exchange& exchange) {
    const auto body = exchange.body(10_KiB);
    (void)exchange.answer(body ? 200 : 413, "text/plain", body ? "" : body.error().text());
  });
  const std::string large(20'000, 'x');
  const std::string answer =
      ask("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n" + std::string(kClose) + large);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 413 ")) << answer;
}

TEST_F(HttpServer, AnswersBeforeABodyThatNobodyWants) {
  serve([](Exchange& exchange) { (void)exchange.answer(404, "text/plain", "no"); });
  const Fd client = connect();
  send(client,
       "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n");
  const std::string answer = read_all(client);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 404 ")) << answer;
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
}

TEST_F(HttpServer, StreamsInChunksAndGoesOn) {
  serve([](Exchange& exchange) {
    EXPECT_TRUE(exchange.begin(200, "text/plain"));
    EXPECT_TRUE(exchange.write("one"));
    EXPECT_TRUE(exchange.write("two"));
  });
  const Fd client = connect();
  for (int i = 0; i < 3; ++i) {
    send(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(read_until(client, "0\r\n\r\n").ends_with("3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"));
  }
}

TEST_F(HttpServer, LeavesHttpWithWhatWasSentEarly) {
  serve([](Exchange& exchange) {
    const auto hijacked = exchange.hijack("application/x");
    ASSERT_TRUE(hijacked);
    EXPECT_TRUE(write_all(hijacked->fd, "early:" + hijacked->early, "socket"));
  });
  const Fd client = connect();
  send(client, "POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nbytes");
  const std::string answer = read_all(client);
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 101 UPGRADED\r\n")) << answer;
  EXPECT_TRUE(answer.ends_with("\r\n\r\nearly:bytes")) << answer;
}

TEST_F(HttpServer, TellsAHandlerThatItsClientHasGone) {
  std::promise<bool> told;
  serve([&](Exchange& exchange) {
    EXPECT_TRUE(exchange.begin(200, "text/plain"));
    pollfd gone{exchange.gone().poll_fd(CancelLevel::kKill), POLLIN, 0};
    told.set_value(::poll(&gone, 1, 20'000) == 1);
  });
  {
    const Fd client = connect();
    send(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    read_until(client, "\r\n\r\n");
  }
  EXPECT_TRUE(told.get_future().get());
}

TEST_F(HttpServer, RefusesWhatIsNoHttp) {
  serve([](Exchange& exchange) { (void)exchange.answer_empty(204); });
  EXPECT_TRUE(ask("nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(ask("GET /?a=%zz HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(ask("GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
                  .starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(
      ask("GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 431 "));
  EXPECT_TRUE(
      ask("GET / HTTP/1.1\r\nHost: x\r\n" + std::string(kClose)).starts_with("HTTP/1.1 204 "));
}

TEST_F(HttpServer, TurnsAnExceptionIntoAnAnswer) {
  serve([](Exchange&) { throw std::runtime_error("broken"); });
  const std::string answer = ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 500 ")) << answer;
  EXPECT_NE(answer.find("broken"), std::string::npos);
}

TEST_F(HttpServer, SaysWhenAllItsWorkersAreBusy) {
  std::promise<void> begun, go_on;
  std::shared_future<void> released = go_on.get_future().share();
  std::atomic<bool> first{true};
  serve(
      [&](Exchange& exchange) {
        if (first.exchange(false)) begun.set_value();
        released.wait();
        (void)exchange.answer_empty(204);
      },
      1);
  const Fd busy = connect();
  send(busy, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  begun.get_future().wait();
  EXPECT_TRUE(ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 503 "));
  go_on.set_value();
  EXPECT_TRUE(read_until(busy, "\r\n\r\n").starts_with("HTTP/1.1 204 "));
}

TEST_F(HttpServer, ServesManyClientsAtOnce) {
  serve([](Exchange& exchange) {
    const auto body = exchange.body(1_MiB);
    (void)exchange.answer(200, "text/plain", body.value_or(""));
  });
  std::vector<std::thread> clients;
  std::atomic<int> right{0};
  for (int i = 0; i < 32; ++i) {
    clients.emplace_back([&, i] {
      const std::string body(static_cast<std::size_t>(1000 + i), 'b');
      const Fd client = connect();
      for (int round = 0; round < 10; ++round) {
        send(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " +
                         std::to_string(body.size()) + "\r\n\r\n" + body);
        const std::string answer = read_until(client, body);
        if (answer.ends_with(body)) ++right;
      }
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(right, 320);
}

TEST_F(HttpServer, EndsWithRequestsAtWork) {
  std::promise<void> begun;
  serve([&](Exchange& exchange) {
    begun.set_value();
    pollfd gone{exchange.gone().poll_fd(CancelLevel::kKill), POLLIN, 0};
    EXPECT_EQ(::poll(&gone, 1, 20'000), 1);
  });
  const Fd client = connect();
  send(client, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const Fd idle = connect();
  begun.get_future().wait();
  stop();
  EXPECT_FALSE(path_exists(path_)) << "the socket file goes with its server";
}

TEST_F(HttpServer, ReplacesTheSocketOfADeadServerOnly) {
  serve([](Exchange& exchange) { (void)exchange.answer_empty(204); });
  ServerOptions options;
  options.addresses.push_back(ListenAddress::parse("unix://" + path_).value());
  const auto second = Server::open(options, [](Exchange&) {});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().text().find("another server listens there"), std::string::npos);
  ASSERT_TRUE(write_file_atomic(directory_->path() + "/file", "kept", 0600));
  options.addresses[0].path = directory_->path() + "/file";
  EXPECT_FALSE(Server::open(options, [](Exchange&) {}));
  EXPECT_EQ(read_file(directory_->path() + "/file", 1_KiB).value_or(""), "kept");
}

TEST(ListenAddress, IsParsed) {
  EXPECT_EQ(ListenAddress::parse("unix:///run/x.sock")->path, "/run/x.sock");
  const auto tcp = ListenAddress::parse("tcp://[::1]:2376");
  ASSERT_TRUE(tcp);
  EXPECT_EQ(tcp->host, "::1");
  EXPECT_EQ(tcp->port, 2376);
  EXPECT_EQ(tcp->str(), "tcp://[::1]:2376");
  for (const char* text :
       {"", "unix://relative", "tcp://host", "tcp://host:port", "tcp://host:70000", "http://x:1"})
    EXPECT_FALSE(ListenAddress::parse(text)) << text;
}

}  // namespace
}  // namespace slipway::web
