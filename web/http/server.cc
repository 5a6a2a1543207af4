// Accepting and reading heads, by coroutines. A request's handler runs on a worker thread that has the socket to
// itself.
#include "web/http/server.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/http/read.hpp>

#include "base/text.h"
#include "web/http/connection.h"
#include "web/http/listener.h"
#include "web/http/tls_unwrap.h"
#include "web/http/workers.h"

namespace slipway::web {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Socket = asio::generic::stream_protocol::socket;
using Stream = beast::basic_stream<asio::generic::stream_protocol>;
using boost::system::error_code;

// Docker's clients send names of hundreds of images or containers in one query.
constexpr std::uint32_t kHeadLimit = 64 << 10;
constexpr std::chrono::seconds kHeadPatience{30};
constexpr std::chrono::minutes kIdlePatience{
    3};  // Between requests: Go's clients keep a connection for 90 s.
constexpr std::chrono::milliseconds kAfterTrouble{100};  // Out of descriptors: some will be closed.

std::string bare_answer(unsigned status, std::string_view message) {
  const std::string body = Json::object({{"message", message}}).dump() + "\n";
  return "HTTP/1.1 " + std::to_string(status) + " " +
         std::string(http::obsolete_reason(static_cast<http::status>(status))) +
         "\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::optional<Request> read_request(const Parser& parser) {
  const auto& message = parser.get();
  auto request =
      parse_target(std::string_view(message.method_string().data(), message.method_string().size()),
                   std::string_view(message.target().data(), message.target().size()));
  if (!request) return request;
  for (const auto& field : message) {
    request->headers.emplace_back(
        to_lower(std::string_view(field.name_string().data(), field.name_string().size())),
        std::string(field.value().data(), field.value().size()));
  }
  return request;
}

class SocketServer : public Server {
 public:
  SocketServer(ServerOptions options, Handler handler, std::unique_ptr<ClientWatch> watch,
               std::vector<Listener> listeners)
      : options_(std::move(options)),
        handler_(std::move(handler)),
        watch_(std::move(watch)),
        listeners_(std::move(listeners)),
        workers_(options_.max_workers) {}

  std::vector<std::string> addresses() const override {
    std::vector<std::string> all;
    for (const Listener& listener : listeners_) all.push_back(listener.address.str());
    return all;
  }

  Status run(const CancelToken& cancel) override {
    for (const Listener& listener : listeners_) {
      asio::co_spawn(context_, accept_all(listener), asio::detached);
    }
    asio::posix::stream_descriptor stop(context_, ::dup(cancel.poll_fd()));
    stop.async_wait(asio::posix::stream_descriptor::wait_read, [this](error_code) {
      stop_.cancel(CancelLevel::kKill);
      context_.stop();
    });
    std::thread second([this] { context_.run(); });
    context_.run();
    second.join();
    return {};
  }

 private:
  asio::awaitable<void> accept_all(const Listener& listener) {
    asio::posix::stream_descriptor ready(context_, ::dup(listener.socket.get()));
    asio::steady_timer timer(context_);
    for (;;) {
      error_code error;
      co_await ready.async_wait(asio::posix::stream_descriptor::wait_read,
                                asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return;
      Fd client(::accept4(listener.socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      const bool full = connections_ >= options_.max_connections;
      if ((!client && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) || full) {
        timer.expires_after(kAfterTrouble);
        co_await timer.async_wait(asio::redirect_error(asio::use_awaitable, error));
      }
      if (!client) continue;
      ++connections_;
      asio::co_spawn(asio::make_strand(context_), serve(std::move(client), listener),
                     [this](std::exception_ptr) { --connections_; });
    }
  }

  asio::awaitable<void> serve(Fd client, const Listener& listener) {
    if (listener.tls) {
      client = co_await unwrap_tls(std::move(client), listener.tls, context_);
      if (!client) co_return;
    }
    const int domain = listener.tls || !listener.address.path.empty() ? AF_UNIX : AF_INET;
    Stream stream(Socket(co_await asio::this_coro::executor,
                         asio::generic::stream_protocol(domain, 0), client.release()));
    Buffer buffer(kHeadLimit + (std::size_t{64} << 10));
    bool more = true;
    for (bool first = true; more; first = false) more = co_await serve_one(stream, buffer, first);
  }

  asio::awaitable<bool> serve_one(Stream& stream, Buffer& buffer, bool first) {
    Parser parser;
    parser.header_limit(kHeadLimit);
    parser.body_limit(boost::none);
    error_code error;
    if (first)
      stream.expires_after(kHeadPatience);
    else
      stream.expires_after(kIdlePatience);
    co_await http::async_read_header(stream, buffer, parser,
                                     asio::redirect_error(asio::use_awaitable, error));
    stream.expires_never();
    if (error) {
      co_await complain(stream, error);
      co_return false;
    }
    std::optional<Request> request = read_request(parser);
    if (!request) {
      co_await send(stream, bare_answer(400, "bad request target"));
      co_return false;
    }
    co_return co_await handle(stream, parser, buffer, *std::move(request));
  }

  /// Runs the handler on a worker; the coroutine sleeps meanwhile.
  asio::awaitable<bool> handle(Stream& stream, Parser& parser, Buffer& buffer, Request request) {
    const int fd = stream.socket().native_handle();
    asio::steady_timer done(co_await asio::this_coro::executor,
                            asio::steady_timer::time_point::max());
    bool go_on = false;
    const auto executor = co_await asio::this_coro::executor;
    const bool taken = workers_.run([&, executor, request = std::move(request)]() mutable {
      {
        SocketExchange exchange(fd, parser, buffer, std::move(request), *watch_, stop_);
        run_handler(exchange);
        go_on = exchange.finish();
      }
      asio::post(executor, [&done] { done.cancel(); });
    });
    if (!taken) {
      co_await send(stream, bare_answer(503, "too many requests are at work"));
      co_return false;
    }
    error_code error;
    co_await done.async_wait(asio::redirect_error(asio::use_awaitable, error));
    co_return go_on;
  }

  /// What a library throws ends one request, not the server.
  void run_handler(Exchange& exchange) {
    try {
      handler_(exchange);
    } catch (const std::exception& error) {
      if (!exchange.answered())
        (void)exchange.answer_json(
            500, Json::object({{"message", std::string("internal error: ") + error.what()}}));
    }
  }

  static asio::awaitable<void> complain(Stream& stream, const error_code& error) {
    if (error == http::error::end_of_stream || error == beast::error::timeout ||
        error.category() != http::make_error_code(http::error::end_of_stream).category())
      co_return;
    const bool large = error == http::error::header_limit || error == http::error::buffer_overflow;
    co_await send(stream, bare_answer(large ? 431 : 400, "malformed request: " + error.message()));
  }

  static asio::awaitable<void> send(Stream& stream, std::string text) {
    error_code error;
    stream.expires_after(kHeadPatience);
    co_await asio::async_write(stream, asio::buffer(text),
                               asio::redirect_error(asio::use_awaitable, error));
    stream.socket().shutdown(Socket::shutdown_send, error);
  }

  ServerOptions options_;
  Handler handler_;
  CancelToken stop_;
  std::atomic<std::size_t> connections_{0};
  std::unique_ptr<ClientWatch> watch_;
  std::vector<Listener> listeners_;
  asio::io_context context_;
  Workers workers_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::open(ServerOptions options, Handler handler) {
  std::unique_ptr<ClientWatch> watch = SLIP_TRY(ClientWatch::open());
  std::vector<Listener> listeners;
  for (const ListenAddress& address : options.addresses)
    listeners.push_back(SLIP_TRY_WITHIN("listen at " + address.str(), listen_at(address)));
  return std::make_unique<SocketServer>(std::move(options), std::move(handler), std::move(watch),
                                        std::move(listeners));
}

}  // namespace slipway::web
