// TLS at the edge: handshake, then two coroutines between the encrypted socket and a local pair.
#include "web/http/tls.h"

#include <sys/socket.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "web/http/tls_unwrap.h"

namespace slipway::web {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
using boost::system::error_code;

class TlsContext {
 public:
  TlsContext() : context(ssl::context::tls_server) {}
  ssl::context context;
};

namespace {

constexpr std::chrono::seconds kHandshakePatience{10};
constexpr std::size_t kPiece = 32 << 10;

struct Relay {
  Relay(asio::ip::tcp::socket outside, ssl::context& context,
        asio::local::stream_protocol::socket pair)
      : encrypted(std::move(outside), context), plain(std::move(pair)) {}
  ssl::stream<asio::ip::tcp::socket> encrypted;
  asio::local::stream_protocol::socket plain;
};

asio::awaitable<void> inwards(std::shared_ptr<Relay> relay) {
  std::array<char, kPiece> piece;
  error_code error;
  for (;;) {
    const std::size_t got = co_await relay->encrypted.async_read_some(
        asio::buffer(piece), asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    co_await asio::async_write(relay->plain, asio::buffer(piece.data(), got),
                               asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
  }
  relay->plain.shutdown(asio::local::stream_protocol::socket::shutdown_send, error);
}

asio::awaitable<void> outwards(std::shared_ptr<Relay> relay) {
  std::array<char, kPiece> piece;
  error_code error;
  for (;;) {
    const std::size_t got = co_await relay->plain.async_read_some(
        asio::buffer(piece), asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    co_await asio::async_write(relay->encrypted, asio::buffer(piece.data(), got),
                               asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
  }
  // The answer's end: say so in TLS, then both directions end.
  co_await relay->encrypted.async_shutdown(asio::redirect_error(asio::use_awaitable, error));
  relay->encrypted.lowest_layer().close(error);
  relay->plain.close(error);
}

}  // namespace

Result<std::shared_ptr<TlsContext>> make_tls_context(const TlsFiles& files) {
  auto made = std::make_shared<TlsContext>();
  ssl::context& context = made->context;
  error_code error;
  context.set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 |
                      ssl::context::no_sslv3 | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
  context.use_certificate_chain_file(files.certificate, error);
  if (error)
    return fail(ErrorCode::kInvalid,
                "read certificate " + files.certificate + ": " + error.message());
  context.use_private_key_file(files.key, ssl::context::pem, error);
  if (error) return fail(ErrorCode::kInvalid, "read key " + files.key + ": " + error.message());
  if (!files.ca.empty()) {
    context.load_verify_file(files.ca, error);
    if (error) return fail(ErrorCode::kInvalid, "read CA " + files.ca + ": " + error.message());
    context.set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
  }
  return made;
}

asio::awaitable<Fd> unwrap_tls(Fd client, std::shared_ptr<TlsContext> tls,
                               asio::io_context& context) {
  std::array<int, 2> pair{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.data()) != 0)
    co_return Fd();
  Fd inner(pair[0]);
  Fd outer(pair[1]);
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  ::getsockname(client.get(), reinterpret_cast<sockaddr*>(&address), &size);
  const auto strand = asio::make_strand(context);
  const auto protocol = address.ss_family == AF_INET6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4();
  auto relay = std::make_shared<Relay>(
      asio::ip::tcp::socket(strand, protocol, client.release()), tls->context,
      asio::local::stream_protocol::socket(strand, asio::local::stream_protocol(),
                                           outer.release()));
  asio::steady_timer timer(strand, kHandshakePatience);
  timer.async_wait([relay](error_code fired) {
    error_code ignored;
    if (!fired) relay->encrypted.lowest_layer().close(ignored);
  });
  error_code error;
  co_await relay->encrypted.async_handshake(ssl::stream_base::server,
                                            asio::redirect_error(asio::use_awaitable, error));
  timer.cancel();
  if (error) co_return Fd();
  // The context must outlive its streams.
  asio::co_spawn(strand, inwards(relay), [tls](std::exception_ptr) {});
  asio::co_spawn(strand, outwards(relay), [tls](std::exception_ptr) {});
  co_return inner;
}

}  // namespace slipway::web
