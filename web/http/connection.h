#pragma once

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <optional>
#include <string>

#include "web/http/client_watch.h"
#include "web/http/exchange.h"
#include "web/http/socket_stream.h"

namespace slipway::web {

using Parser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;
using Buffer = boost::beast::flat_buffer;

/// An exchange on one socket, between the head that a coroutine has read and the next one. Only the two .cc files with
/// Beast in them include this.
class SocketExchange : public Exchange {
 public:
  SocketExchange(int fd, Parser& parser, Buffer& buffer, Request request, ClientWatch& watch,
                 const CancelToken& stop);

  const Request& request() const override { return request_; }
  const CancelToken& gone() const override { return gone_; }
  Result<std::size_t> read_body(char* into, std::size_t size) override;
  Status answer(int status, std::string_view type, std::string_view body,
                const Headers& headers) override;
  Status begin(int status, std::string_view type, const Headers& headers) override;
  Status write(std::string_view bytes) override;
  Result<Hijacked> hijack(std::string_view type) override;
  bool answered() const override { return state_ != State::kNothing; }

  /// Ends what the handler left open. True when the connection may go on with another request.
  bool finish();

 private:
  enum class State { kNothing, kStreaming, kDone, kHijacked };
  std::string head(int status, std::string_view type, const Headers& headers) const;
  Status send(std::string_view first, std::string_view second, std::string_view third);
  Error explain(const boost::system::error_code& error, std::string_view doing);
  Result<std::size_t> read_some(SocketStream& from, char* into, std::size_t size);
  bool drain_body();

  int fd_;
  Parser& parser_;
  Buffer& buffer_;
  Request request_;
  CancelToken gone_;
  SocketStream input_, output_, rest_;
  ClientWatch& watch_;
  ClientWatch::Guard guard_;
  State state_ = State::kNothing;
  bool keep_alive_;
  bool head_only_;
  bool chunked_ = false;
  bool broken_ = false;
};

}  // namespace slipway::web
