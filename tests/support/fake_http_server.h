#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/units.h"

namespace slipway::testing {

using FakeHeaders = std::vector<std::pair<std::string, std::string>>;

struct FakeRequest {
  std::string method;
  std::string path;     ///< As sent, without the query.
  std::string query;    ///< Without "?".
  FakeHeaders headers;  ///< Names in lower case.
  std::string body;
  bool cut = false;  ///< FakeRule::cut_upload_after ended the body early.

  std::string target() const { return query.empty() ? path : path + "?" + query; }
  std::string header(const std::string& name) const;  ///< Empty when absent.
  /// Value of a query parameter (or of a form in the body), percent-decoded; empty when absent.
  std::string parameter(const std::string& name) const;
  std::vector<std::string> parameters(const std::string& name) const;
  bool has_parameter(const std::string& name) const { return !parameters(name).empty(); }
};

struct FakeAnswer {
  int status = 200;
  FakeHeaders headers;
  std::string body;
  bool drop = false;                     ///< Close instead of answering.
  std::optional<std::size_t> cut_after;  ///< Close after so many bytes of the body.
  bool chunked = false;                  ///< No Content-Length.
  FakeHeaders trailers;                  ///< Behind a chunked body.
  bool endless_headers = false;          ///< Header lines until the client goes away.
  std::size_t piece = 0;                 ///< Not 0: the body goes out in pieces of this size ...
  Millis pause{0};                       ///< ... with this pause before each.

  FakeAnswer& header(std::string name, std::string value) {
    headers.emplace_back(std::move(name), std::move(value));
    return *this;
  }
};

/// What goes wrong, and when. The first rule that matches a request is used.
struct FakeRule {
  std::string method;     ///< Empty: any.
  std::string path_part;  ///< Somewhere in path?query; empty: any.
  int skip = 0;           ///< So many matching requests pass unharmed first.
  int times = 1;          ///< Then so many are changed; -1: all.
  /// Answers instead of the server.
  std::function<FakeAnswer(const FakeRequest&)> replace;
  /// Changes what the server answers.
  std::function<void(const FakeRequest&, FakeAnswer&)> change;
  /// Reads so many bytes of the request's body, handles them, and closes without an answer.
  std::optional<std::size_t> cut_upload_after;
};

namespace fault {
FakeRule status(std::string method, std::string path_part, int status, FakeHeaders headers = {},
                std::string body = "");
FakeRule drop(std::string method, std::string path_part);
FakeRule cut_body(std::string method, std::string path_part, std::size_t after);
FakeRule cut_upload(std::string method, std::string path_part, std::size_t after);
}  // namespace fault

/// A small HTTP/1.1 server on 127.0.0.1 with a thread for each connection, with keep-alive and chunked bodies. It counts
/// what it was asked and misbehaves by rule. Stops and joins at the end.
class FakeHttpServer {
 public:
  using Handler = std::function<FakeAnswer(const FakeRequest&)>;
  /// `handler` is called from several threads at once.
  explicit FakeHttpServer(Handler handler);
  ~FakeHttpServer();
  FakeHttpServer(const FakeHttpServer&) = delete;
  FakeHttpServer& operator=(const FakeHttpServer&) = delete;

  int port() const;
  std::string host() const { return "127.0.0.1:" + std::to_string(port()); }
  std::string url() const { return "http://" + host(); }

  void add_rule(FakeRule rule);
  void clear_rules();

  std::vector<FakeRequest> requests() const;  ///< Bodies are left out.
  /// Requests of this method ("" for all) whose path?query has this part.
  std::size_t count(const std::string& method, const std::string& path_part) const;
  std::size_t count() const { return count("", ""); }
  std::size_t connections() const;
  void forget_requests();
  /// Waits until so many requests came in all; false after 30 seconds.
  bool wait_for_requests(std::size_t number) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string percent_decode(const std::string& text);

}  // namespace slipway::testing
