// Asking a service whether it is there: one connection, one request.
#include "runner/execute/service_probe.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>

#include "base/fd.h"
#include "base/text.h"

namespace slipway::runner {
namespace {

constexpr std::size_t kMostStatusLine = 4096;

std::string shown(const ProbeTarget& target) {
  return target.address + ":" + std::to_string(target.port);
}

/// A socket lives in the namespace it was made in, so only this thread has to go there.
Result<Fd> socket_in(int network_namespace) {
  Result<Fd> made = fail(ErrorCode::kInternal, "make socket: no thread ran");
  std::thread maker([&] {
    if (::setns(network_namespace, CLONE_NEWNET) != 0) {
      made = fail_errno("enter network namespace");
      return;
    }
    Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd) {
      made = std::move(fd);
    } else {
      made = fail_errno("make socket");
    }
  });
  maker.join();
  return made;
}

/// False when the time is over.
bool wait_for(int fd, short events, MonoTime end) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(end - real_clock().mono()).count();
    if (left <= 0) return false;
    pollfd entry{fd, events, 0};
    const int ready = ::poll(&entry, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

Result<Fd> connect_to(const ProbeTarget& target, MonoTime end) {
  Fd fd = SLIP_TRY(socket_in(target.network_namespace));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(target.port);
  if (::inet_pton(AF_INET, target.address.c_str(), &to.sin_addr) != 1)
    return fail(ErrorCode::kInvalid, "connect to " + shown(target) + ": no IPv4 address");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) return fd;
  if (errno != EINPROGRESS) return fail_errno("connect to " + shown(target));
  if (!wait_for(fd.get(), POLLOUT, end))
    return fail(ErrorCode::kTimeout, "connect to " + shown(target) + ": no answer");
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  errno = error;
  if (error != 0) return fail_errno("connect to " + shown(target));
  return fd;
}

Status send_all(int fd, std::string_view text, MonoTime end) {
  while (!text.empty()) {
    const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      text.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EAGAIN && errno != EINTR) {
      return fail_errno("send request");
    } else if (!wait_for(fd, POLLOUT, end)) {
      return fail(ErrorCode::kTimeout, "send request: no answer");
    }
  }
  return {};
}

Result<std::string> read_status_line(int fd, MonoTime end) {
  std::string text;
  std::array<char, 512> buffer{};
  while (text.find('\n') == std::string::npos && text.size() < kMostStatusLine) {
    if (!wait_for(fd, POLLIN, end)) return fail(ErrorCode::kTimeout, "read answer: none came");
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return fail_errno("read answer");
    if (got == 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return std::string(trim(text.substr(0, text.find('\n'))));
}

}  // namespace

Status probe_tcp(const ProbeTarget& target, Millis patience) {
  SLIP_TRY(connect_to(target, real_clock().mono() + patience));
  return {};
}

Status probe_http(const ProbeTarget& target, const std::string& host, const std::string& path,
                  Millis patience) {
  const MonoTime end = real_clock().mono() + patience;
  const Fd fd = SLIP_TRY(connect_to(target, end));
  // HTTP/1.0: whoever answers closes, and never in chunks. Spec: RFC 1945.
  SLIP_TRY(send_all(
      fd.get(), "GET " + path + " HTTP/1.0\r\nHost: " + host + "\r\nUser-Agent: slipway\r\n\r\n",
      end));
  const std::string line = SLIP_TRY(read_status_line(fd.get(), end));
  const std::vector<std::string_view> words = split(line, ' ');
  const bool http = words.size() >= 2 && words[0].starts_with("HTTP/");
  const std::optional<long long> code = http ? parse_int(words[1]) : std::nullopt;
  if (!code) return fail(ErrorCode::kInvalid, "GET " + path + ": the answer is no HTTP");
  if (*code < 200 || *code > 399)
    return fail(ErrorCode::kUnavailable, "GET " + path + ": status " + std::to_string(*code));
  return {};
}

Result<std::uint16_t> parse_port(const std::string& text) {
  const std::optional<long long> port = parse_int(text);
  if (!port || *port < 1 || *port > 65535)
    return fail(ErrorCode::kInvalid, "port " + printable(text) + ": not a number from 1 to 65535");
  return static_cast<std::uint16_t>(*port);
}

Result<HttpPlace> parse_http_place(const std::string& text) {
  const std::size_t slash = text.find('/');
  HttpPlace place;
  place.path = slash == std::string::npos ? "/" : text.substr(slash);
  for (const char c : place.path) {
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f)
      return fail(ErrorCode::kInvalid, "path " + printable(place.path) +
                                           ": white space and control characters must be "
                                           "written as %20 and the like");
  }
  place.port = SLIP_TRY_WITHIN("ready: http wants PORT/PATH", parse_port(text.substr(0, slash)));
  return place;
}

}  // namespace slipway::runner
