// The fake server's HTTP/1.1: reading requests, writing answers (and breaking them by rule). What is served is the
// handler's business.
#include "tests/support/fake_http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <set>
#include <thread>

#include "base/fd.h"
#include "base/text.h"
#include "tests/support/loopback.h"

namespace slipway::testing {
namespace {

constexpr std::size_t kMaxHead = std::size_t{1} << 20;
constexpr int kIdleMs = 60'000;  // a client that says nothing for so long is gone

/// One connection with what was read ahead.
class Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {}

  bool fill() {
    pollfd poll_one{fd_, POLLIN, 0};
    if (::poll(&poll_one, 1, kIdleMs) <= 0) return false;
    char buffer[65536];
    const ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
    if (got <= 0) return false;
    ahead_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }
  std::optional<std::string> line() {
    std::size_t end;
    while ((end = ahead_.find("\r\n")) == std::string::npos) {
      if (ahead_.size() > kMaxHead || !fill()) return std::nullopt;
    }
    std::string text = ahead_.substr(0, end);
    ahead_.erase(0, end + 2);
    return text;
  }
  bool take(std::size_t size, std::string& to) {
    to.reserve(to.size() + std::min(size, std::size_t{64} << 20));
    while (size > 0) {
      if (ahead_.empty() && !fill()) return false;
      const std::size_t part = std::min(size, ahead_.size());
      to.append(ahead_, 0, part);
      ahead_.erase(0, part);
      size -= part;
    }
    return true;
  }
  bool send(std::string_view data) {
    while (!data.empty()) {
      const ssize_t sent = ::send(fd_, data.data(), data.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      data.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

 private:
  int fd_;
  std::string ahead_;
};

bool read_head(Connection& connection, FakeRequest& request) {
  const auto first = connection.line();
  if (!first) return false;
  const std::vector<std::string_view> words = split(*first, ' ');
  if (words.size() != 3) return false;
  request.method = words[0];
  std::string target(words[1]);
  // A request to a proxy names the whole URL.
  if (const std::size_t scheme = target.find("://"); scheme != std::string::npos) {
    const std::size_t slash = target.find('/', scheme + 3);
    request.headers.emplace_back("x-absolute-form", target);
    target = slash == std::string::npos ? "/" : target.substr(slash);
  }
  const std::size_t question = target.find('?');
  request.path = target.substr(0, question);
  if (question != std::string::npos) request.query = target.substr(question + 1);
  while (true) {
    const auto text = connection.line();
    if (!text) return false;
    if (text->empty()) return true;
    const std::size_t colon = text->find(':');
    if (colon == std::string::npos) return false;
    request.headers.emplace_back(to_lower(text->substr(0, colon)),
                                 std::string(trim(std::string_view(*text).substr(colon + 1))));
  }
}

bool read_chunks(Connection& connection, FakeRequest& request, std::size_t limit) {
  while (true) {
    const auto head = connection.line();
    if (!head) return false;
    const std::size_t size = std::strtoul(head->c_str(), nullptr, 16);
    const std::size_t part = std::min(size, limit - request.body.size());
    if (!connection.take(part, request.body)) return false;
    if (part < size || request.body.size() == limit) {
      request.cut = true;
      return true;
    }
    if (!connection.line()) return false;
    if (size == 0) return true;
  }
}

bool read_body(Connection& connection, FakeRequest& request,
               const std::optional<std::size_t>& cut_after) {
  const std::size_t limit = cut_after.value_or(std::size_t{1} << 40);
  if (request.header("expect") == "100-continue" &&
      !connection.send("HTTP/1.1 100 Continue\r\n\r\n")) {
    return false;
  }
  if (to_lower(request.header("transfer-encoding")) == "chunked") {
    return read_chunks(connection, request, limit);
  }
  const std::size_t size = std::strtoul(request.header("content-length").c_str(), nullptr, 10);
  request.cut = size > limit;
  return connection.take(std::min(size, limit), request.body);
}

const char* reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 206:
      return "Partial Content";
    case 401:
      return "Unauthorized";
    case 404:
      return "Not Found";
    case 429:
      return "Too Many Requests";
    default:
      return "Some Reason";
  }
}

}  // namespace

std::string FakeRequest::header(const std::string& name) const {
  for (const auto& [key, value] : headers) {
    if (key == name) return value;
  }
  return {};
}

std::string percent_decode(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      result += static_cast<char>(std::strtol(text.substr(i + 1, 2).c_str(), nullptr, 16));
      i += 2;
    } else {
      result += text[i] == '+' ? ' ' : text[i];
    }
  }
  return result;
}

std::vector<std::string> FakeRequest::parameters(const std::string& name) const {
  std::vector<std::string> values;
  const bool form = header("content-type").starts_with("application/x-www-form-urlencoded");
  for (const std::string& source : {query, form ? body : std::string()}) {
    for (const std::string_view part : split(source, '&')) {
      const std::size_t equals = part.find('=');
      if (part.substr(0, equals) != name) continue;
      values.push_back(equals == std::string_view::npos
                           ? ""
                           : percent_decode(std::string(part.substr(equals + 1))));
    }
  }
  return values;
}

std::string FakeRequest::parameter(const std::string& name) const {
  const std::vector<std::string> values = parameters(name);
  return values.empty() ? "" : values.front();
}

namespace fault {

FakeRule status(std::string method, std::string path_part, int status, FakeHeaders headers,
                std::string body) {
  FakeRule rule;
  rule.method = std::move(method);
  rule.path_part = std::move(path_part);
  FakeAnswer answer;
  answer.status = status;
  answer.headers = std::move(headers);
  answer.body = std::move(body);
  rule.replace = [answer](const FakeRequest&) { return answer; };
  return rule;
}

FakeRule drop(std::string method, std::string path_part) {
  FakeRule rule = status(std::move(method), std::move(path_part), 0);
  rule.replace = [](const FakeRequest&) {
    FakeAnswer answer;
    answer.drop = true;
    return answer;
  };
  return rule;
}

FakeRule cut_body(std::string method, std::string path_part, std::size_t after) {
  FakeRule rule = status(std::move(method), std::move(path_part), 0);
  rule.replace = nullptr;
  rule.change = [after](const FakeRequest&, FakeAnswer& answer) { answer.cut_after = after; };
  return rule;
}

FakeRule cut_upload(std::string method, std::string path_part, std::size_t after) {
  FakeRule rule = status(std::move(method), std::move(path_part), 0);
  rule.replace = nullptr;
  rule.cut_upload_after = after;
  return rule;
}

}  // namespace fault

struct FakeHttpServer::State {
  Handler handler;
  Fd listener;
  int port = 0;

  mutable std::mutex mutex;  // all below
  mutable std::condition_variable changed;
  bool stopping = false;
  std::vector<FakeRule> rules;
  std::vector<FakeRequest> requests;
  std::set<int> open;  // descriptors of connections that have a thread
  std::vector<std::thread> threads;
  std::size_t connections = 0;
  std::thread acceptor;

  void accept_all();
  void serve(int fd);
  std::optional<FakeRule> rule_for(const FakeRequest& request);
  bool serve_one(Connection& connection);
  bool answer(Connection& connection, const FakeRequest& request, const FakeAnswer& answer);
  bool send_body(Connection& connection, const FakeAnswer& answer);
  bool pause(Millis time);
};

void FakeHttpServer::State::accept_all() {
  while (true) {
    const int fd = ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC);
    std::lock_guard lock(mutex);
    if (fd < 0 || stopping) {
      if (fd >= 0) ::close(fd);
      return;
    }
    const int one = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    open.insert(fd);
    ++connections;
    threads.emplace_back([this, fd] { serve(fd); });
  }
}

void FakeHttpServer::State::serve(int fd) {
  Connection connection(fd);
  while (serve_one(connection)) {
  }
  std::lock_guard lock(mutex);
  open.erase(fd);
  ::close(fd);
}

std::optional<FakeRule> FakeHttpServer::State::rule_for(const FakeRequest& request) {
  std::lock_guard lock(mutex);
  for (FakeRule& rule : rules) {
    if (!rule.method.empty() && rule.method != request.method) continue;
    if (request.target().find(rule.path_part) == std::string::npos) continue;
    if (rule.skip > 0) {
      --rule.skip;
      continue;
    }
    if (rule.times == 0) continue;
    if (rule.times > 0) --rule.times;
    return rule;
  }
  return std::nullopt;
}

bool FakeHttpServer::State::serve_one(Connection& connection) {
  FakeRequest request;
  if (!read_head(connection, request)) return false;
  {
    std::lock_guard lock(mutex);
    requests.push_back(request);
    changed.notify_all();
  }
  const std::optional<FakeRule> rule = rule_for(request);
  if (!read_body(connection, request, rule ? rule->cut_upload_after : std::nullopt)) return false;
  FakeAnswer result = rule && rule->replace ? rule->replace(request) : handler(request);
  if (rule && rule->change) rule->change(request, result);
  if (request.cut || result.drop) return false;
  return answer(connection, request, result);
}

bool FakeHttpServer::State::answer(Connection& connection, const FakeRequest& request,
                                   const FakeAnswer& answer) {
  std::string head =
      "HTTP/1.1 " + std::to_string(answer.status) + " " + reason(answer.status) + "\r\n";
  bool has_length = false;
  for (const auto& [name, value] : answer.headers) {
    head += name + ": " + value + "\r\n";
    has_length = has_length || to_lower(name) == "content-length";
  }
  if (answer.endless_headers) {
    if (!connection.send(head)) return false;
    while (connection.send("X-Filler: " + std::string(1000, 'x') + "\r\n")) {
    }
    return false;
  }
  const bool bodiless = request.method == "HEAD" || answer.status == 204 || answer.status == 304;
  if (answer.chunked) {
    head += "Transfer-Encoding: chunked\r\n";
  } else if (!has_length && answer.status != 204) {
    head += "Content-Length: " + std::to_string(answer.body.size()) + "\r\n";
  }
  if (!connection.send(head + "\r\n")) return false;
  return bodiless || send_body(connection, answer);
}

bool FakeHttpServer::State::send_body(Connection& connection, const FakeAnswer& answer) {
  std::string_view left = answer.body;
  if (answer.cut_after) left = left.substr(0, *answer.cut_after);
  while (!left.empty()) {
    const std::size_t size = answer.piece == 0 ? left.size() : std::min(answer.piece, left.size());
    if (answer.pause.count() > 0 && !pause(answer.pause)) return false;
    char frame[32];
    std::snprintf(frame, sizeof frame, "%zx\r\n", size);
    if (answer.chunked && !connection.send(frame)) return false;
    if (!connection.send(left.substr(0, size))) return false;
    if (answer.chunked && !connection.send("\r\n")) return false;
    left.remove_prefix(size);
  }
  if (answer.cut_after) return false;
  std::string end = "0\r\n";
  for (const auto& [name, value] : answer.trailers) end += name + ": " + value + "\r\n";
  return !answer.chunked || connection.send(end + "\r\n");
}

/// False when the server stops meanwhile.
bool FakeHttpServer::State::pause(Millis time) {
  std::unique_lock lock(mutex);
  return !changed.wait_for(lock, time, [this] { return stopping; });
}

FakeHttpServer::FakeHttpServer(Handler handler) : state_(std::make_unique<State>()) {
  state_->handler = std::move(handler);
  LoopbackListener made = listen_on_loopback("fake server");
  state_->listener = std::move(made.fd);
  state_->port = made.port;
  state_->acceptor = std::thread([state = state_.get()] { state->accept_all(); });
}

FakeHttpServer::~FakeHttpServer() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->changed.notify_all();
    ::shutdown(state_->listener.get(), SHUT_RDWR);
    for (const int fd : state_->open) ::shutdown(fd, SHUT_RDWR);
  }
  state_->acceptor.join();
  for (std::thread& thread : state_->threads) thread.join();
}

int FakeHttpServer::port() const { return state_->port; }

void FakeHttpServer::add_rule(FakeRule rule) {
  std::lock_guard lock(state_->mutex);
  state_->rules.push_back(std::move(rule));
}

void FakeHttpServer::clear_rules() {
  std::lock_guard lock(state_->mutex);
  state_->rules.clear();
}

std::vector<FakeRequest> FakeHttpServer::requests() const {
  std::lock_guard lock(state_->mutex);
  return state_->requests;
}

std::size_t FakeHttpServer::count(const std::string& method, const std::string& path_part) const {
  std::lock_guard lock(state_->mutex);
  std::size_t number = 0;
  for (const FakeRequest& request : state_->requests) {
    if ((method.empty() || request.method == method) &&
        request.target().find(path_part) != std::string::npos) {
      ++number;
    }
  }
  return number;
}

std::size_t FakeHttpServer::connections() const {
  std::lock_guard lock(state_->mutex);
  return state_->connections;
}

void FakeHttpServer::forget_requests() {
  std::lock_guard lock(state_->mutex);
  state_->requests.clear();
}

bool FakeHttpServer::wait_for_requests(std::size_t number) const {
  std::unique_lock lock(state_->mutex);
  return state_->changed.wait_for(lock, std::chrono::seconds(30),
                                  [&] { return state_->requests.size() >= number; });
}

}  // namespace slipway::testing
