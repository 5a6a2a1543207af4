#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "base/units.h"
#include "cachestore/registry.h"
#include "cachestore/registry/header_values.h"
#include "cachestore/registry/url.h"

namespace slipway::cachestore {

/// How a host proves who it is, and we to it. Files are read when a connection is made.
struct TlsSettings {
  std::string extra_authorities;  ///< PEM text, beside the system's.
  std::string certificate_file;   ///< Of the client; empty: none.
  std::string key_file;
  bool verify = true;
};

/// A range of a body that is sent; `body` may be null: `content` is sent.
struct HttpUpload {
  std::string_view content;
  BlobBody* body = nullptr;
  std::uint64_t offset = 0;             ///< The body must stand there.
  std::optional<std::uint64_t> length;  ///< Nothing: to its end, chunked.
};

struct HttpAnswer {
  int status = 0;
  Headers headers;
  std::string body;  ///< Unless a sink took it.
  bool peer_is_local =
      false;  ///< The connection went to a machine-local address (false behind a proxy).
};

struct HttpRequest {
  std::string method = "GET";
  Url url;
  std::vector<std::string> headers;  ///< "Name: value"
  std::shared_ptr<const TlsSettings> tls;
  std::optional<HttpUpload> upload;
  /// Takes the body of 2xx answers as it comes, called with an empty text when the headers are there. Its error ends
  /// the request and is returned as it is. Null: the answer's body is kept.
  std::function<Status(const HttpAnswer& head, std::string_view data)> sink;
  std::size_t body_limit = 0;  ///< Of kept bodies.
  Millis total_limit{0};       ///< 0: only stalls end the request.
  bool refuse_local = false;   ///< Not to machine-local addresses, also when a name leads there.
};

/// Why there is no (whole) answer.
struct HttpFailure {
  enum class Kind {
    kFinal,  ///< Trying again cannot help: cancelled, a limit, a bad certificate, the sink's error.
    kTransient,  ///< Reset, cut, stalled.
    kUnreached,  ///< No connection: refused, unknown host, unreachable.
    kNoTls,      ///< Connected, but the other side does not speak TLS as we do.
  };
  Kind kind = Kind::kFinal;
  Error error;
  bool spoke = false;    ///< There were headers of an answer.
  bool callers = false;  ///< The error is the sink's or the body's own.
};
using HttpResult = tl::expected<HttpAnswer, HttpFailure>;

struct HttpLimits {
  Millis connect{10'000};
  Millis stall{30'000};
};

/// One request after the other over kept connections: no redirects, no authentication, no repetition; those are
/// exchange.cc's business. Thread-safe; each request in flight has a connection of its own.
class HttpClient {
 public:
  static Result<std::unique_ptr<HttpClient>> open(HttpLimits limits);
  ~HttpClient();
  HttpResult perform(const HttpRequest& request, const CancelToken& cancel);

 private:
  struct State;
  explicit HttpClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace slipway::cachestore
