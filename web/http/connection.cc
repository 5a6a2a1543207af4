// Reading bodies, writing answers and leaving HTTP, on a worker thread.
#include "web/http/connection.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <boost/beast/http/read.hpp>
#include <cstdio>
#include <ctime>

namespace slipway::web {
namespace {

namespace http = boost::beast::http;
namespace asio = boost::asio;

// A client that sends a body but stops for so long has gone. Docker has no limit; a build's sender may compress for
// a while.
constexpr std::chrono::minutes kInputPatience{10};
// For ever: whoever follows a log may look at it tomorrow. Only this client's thread waits, and its end is noticed.
constexpr std::chrono::milliseconds kOutputPatience{-1};
// A body that the handler did not want is read to its end up to this and with this patience, so that the connection can
// go on, or at least the answer arrives before it is reset.
constexpr std::size_t kDrain = std::size_t{1} << 20;
constexpr std::chrono::milliseconds kDrainPatience{500};

// docker-py reads the head through a buffer and what follows past it: bytes that arrive together with the head are
// lost.
// A daemon that needs longer than that for its first output never shows this. On a unix socket one can see that the
// other end has read everything (SIOCOUTQ, unix(7)); elsewhere the network is slower than its client.
void await_reading(int fd) {
  constexpr int kTries = 200;
  constexpr timespec kPause{0, 100'000};
  for (int tries = 0; tries < kTries; ++tries) {
    int unread = 0;
    if (::ioctl(fd, SIOCOUTQ, &unread) != 0 || unread == 0) return;
    ::nanosleep(&kPause, nullptr);
  }
}

}  // namespace

SocketExchange::SocketExchange(int fd, Parser& parser, Buffer& buffer, Request request,
                               ClientWatch& watch, const CancelToken& stop)
    : fd_(fd),
      parser_(parser),
      buffer_(buffer),
      request_(std::move(request)),
      gone_(stop.child()),
      input_(fd, gone_, kInputPatience),
      output_(fd, gone_, kOutputPatience),
      rest_(fd, gone_, kDrainPatience),
      watch_(watch),
      guard_(watch.watch(fd, ClientWatch::When::kInputEnds, gone_)),
      keep_alive_(parser.get().keep_alive()),
      head_only_(request_.method == "HEAD") {}

Error SocketExchange::explain(const boost::system::error_code& error, std::string_view doing) {
  broken_ = true;
  const std::string text = std::string(doing) + ": ";
  if (error == asio::error::operation_aborted || error == asio::error::eof ||
      error == http::error::partial_message || error.value() == EPIPE ||
      error.value() == ECONNRESET)
    return Error(ErrorCode::kCancelled, text + "the client has gone", EPIPE);
  if (error == asio::error::timed_out)
    return Error(ErrorCode::kTimeout, text + "the client sends nothing any more");
  return Error(ErrorCode::kInvalid, text + error.message());
}

Result<std::size_t> SocketExchange::read_body(char* into, std::size_t size) {
  return read_some(input_, into, size);
}

Result<std::size_t> SocketExchange::read_some(SocketStream& from, char* into, std::size_t size) {
  if (broken_) return fail(ErrorCode::kCancelled, "read request body: the client has gone");
  http::buffer_body::value_type& body = parser_.get().body();
  while (!parser_.is_done()) {
    if (const std::string* expect = request_.header("expect");
        expect != nullptr && !answered() && buffer_.size() == 0) {
      SLIP_TRY(send("HTTP/1.1 100 Continue\r\n\r\n", "", ""));
      std::erase_if(request_.headers, [](const auto& header) { return header.first == "expect"; });
    }
    body.data = into;
    body.size = size;
    body.more = true;
    boost::system::error_code error;
    http::read_some(from, buffer_, parser_, error);
    if (error == http::error::need_buffer) error.clear();
    if (error) return fail(explain(error, "read request body"));
    if (body.size < size) return size - body.size;
  }
  return std::size_t{0};
}

std::string SocketExchange::head(int status, std::string_view type, const Headers& headers) const {
  std::string text = "HTTP/1.1 " + std::to_string(status) + " " +
                     std::string(http::obsolete_reason(static_cast<http::status>(status))) + "\r\n";
  if (!type.empty()) text.append("Content-Type: ").append(type).append("\r\n");
  for (const auto& [name, value] : headers)
    text.append(name).append(": ").append(value).append("\r\n");
  if (!keep_alive_) text += "Connection: close\r\n";
  return text;
}

Status SocketExchange::send(std::string_view first, std::string_view second,
                            std::string_view third) {
  if (broken_) return fail(ErrorCode::kCancelled, "send answer: the client has gone", EPIPE);
  std::array<asio::const_buffer, 3> pieces{asio::buffer(first.data(), first.size()),
                                           asio::buffer(second.data(), second.size()),
                                           asio::buffer(third.data(), third.size())};
  std::size_t left = asio::buffer_size(pieces);
  while (left > 0) {
    boost::system::error_code error;
    std::size_t sent = output_.write_some(pieces, error);
    if (error) return fail(explain(error, "send answer"));
    left -= sent;
    for (asio::const_buffer& piece : pieces) {
      const std::size_t step = std::min(sent, piece.size());
      piece += step;
      sent -= step;
    }
  }
  return {};
}

Status SocketExchange::answer(int status, std::string_view type, std::string_view body,
                              const Headers& headers) {
  state_ = State::kDone;
  // What the client still sends is either swallowed or the end of the connection.
  if (!drain_body()) keep_alive_ = false;
  std::string text = head(status, type, headers);
  const bool no_body = status == 204 || status == 304;
  if (!no_body) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  text += "\r\n";
  return send(text, head_only_ || no_body ? std::string_view() : body, "");
}

Status SocketExchange::begin(int status, std::string_view type, const Headers& headers) {
  state_ = State::kStreaming;
  chunked_ = parser_.get().version() >= 11 && !head_only_;
  if (!chunked_) keep_alive_ = false;
  return send(
      head(status, type, headers) + (chunked_ ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n"), "",
      "");
}

Status SocketExchange::write(std::string_view bytes) {
  if (bytes.empty() || head_only_) return {};
  if (!chunked_) return send(bytes, "", "");
  std::array<char, 20> size{};
  const int length = std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
  return send({size.data(), static_cast<std::size_t>(length)}, bytes, "\r\n");
}

Result<Hijacked> SocketExchange::hijack(std::string_view type) {
  state_ = State::kHijacked;
  keep_alive_ = true;  // no "Connection: close" in the head
  Headers headers;
  int status = 200;
  if (const std::string* upgrade = request_.header("upgrade")) {
    status = 101;
    headers = {{"Connection", "Upgrade"}, {"Upgrade", *upgrade}};
  }
  guard_ = ClientWatch::Guard();
  std::string text = head(status, type, headers) + "\r\n";
  // Docker's reason phrase; some old clients look at it.
  if (status == 101) text.replace(0, text.find("\r\n"), "HTTP/1.1 101 UPGRADED");
  SLIP_TRY(send(text, "", ""));
  await_reading(fd_);
  guard_ = watch_.watch(fd_, ClientWatch::When::kClosed, gone_);
  Hijacked hijacked{fd_,
                    std::string(static_cast<const char*>(buffer_.data().data()), buffer_.size())};
  buffer_.consume(buffer_.size());
  return hijacked;
}

bool SocketExchange::drain_body() {
  std::size_t left = kDrain;
  std::array<char, 8192> waste;
  while (!parser_.is_done() && left > 0) {
    // Whoever waits for "100 Continue" has sent nothing yet and never will.
    if (request_.header("expect") != nullptr) return false;
    const auto got = read_some(rest_, waste.data(), std::min(left, waste.size()));
    if (!got) return false;
    if (*got == 0) break;
    left -= *got;
  }
  return parser_.is_done();
}

bool SocketExchange::finish() {
  if (state_ == State::kNothing)
    (void)answer_json(500, Json::object({{"message", "the server gave no answer"}}));
  if (state_ == State::kStreaming) {
    if (chunked_) (void)send("0\r\n\r\n", "", "");
    if (!drain_body()) keep_alive_ = false;
  }
  guard_ = ClientWatch::Guard();
  return keep_alive_ && !broken_ && state_ != State::kHijacked && !gone_.cancelled();
}

}  // namespace slipway::web
