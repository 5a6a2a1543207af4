#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "web/http/exchange.h"

namespace slipway::web {

/// TLS of a TCP address; with `ca` clients must show a certificate of it. PEM files.
struct TlsFiles {
  std::string certificate;
  std::string key;
  std::string ca;
};
struct ListenAddress {
  std::string path;  ///< A unix socket, or
  std::string host;  ///< an address of TCP.
  std::uint16_t port = 0;
  TlsFiles tls;
  unsigned mode = 0660;  ///< Of the socket file.
  std::string group;     ///< Its group; empty: as it comes.
  /// "unix:///run/x.sock", "tcp://127.0.0.1:2375".
  static Result<ListenAddress> parse(const std::string& text);
  std::string str() const;
};

struct ServerOptions {
  std::vector<ListenAddress> addresses;
  std::size_t max_workers = 512;       ///< Requests at work at a time; more get a 503.
  std::size_t max_connections = 4096;  ///< More wait in the kernel's backlog.
};

/// HTTP/1.1 over unix sockets, TCP and TLS. Heads are read by coroutines on a few threads, so that idle and slow
/// clients
/// cost no thread; each request then runs its handler on a worker thread.
class Server {
 public:
  using Handler = std::function<void(Exchange&)>;
  /// Listens. Plain TCP is refused beyond the loopback (kPermission); an address in use is kConflict; the socket
  /// file of
  /// a dead server is replaced.
  static Result<std::unique_ptr<Server>> open(ServerOptions options, Handler handler);
  virtual ~Server() = default;
  /// Serves until cancelled; then requests are told by Exchange::gone() and waited for.
  virtual Status run(const CancelToken& cancel) = 0;
  virtual std::vector<std::string> addresses() const = 0;  ///< With the port that a 0 became.
};

}  // namespace slipway::web
