// Addresses: what may be listened at, and how.
#include "web/http/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/files.h"
#include "base/text.h"
#include "web/http/tls.h"

namespace slipway::web {
namespace {

constexpr int kBacklog = 1024;

/// Whether somebody answers at a socket file.
bool is_alive(const sockaddr_un& address) {
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
         errno == EAGAIN;
}

/// Only what is a socket and belongs to nobody alive is replaced.
Status clear_place(const std::string& path, const sockaddr_un& address) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return {};
  if (!S_ISSOCK(info.st_mode))
    return fail(ErrorCode::kExists, "make socket " + path + ": something else is there");
  if (is_alive(address))
    return fail(ErrorCode::kConflict, "make socket " + path + ": another server listens there");
  if (::unlink(path.c_str()) != 0) return fail_errno("remove old socket " + path);
  return {};
}

Result<gid_t> group_id(const std::string& name) {
  if (const auto number = parse_int(name)) return static_cast<gid_t>(*number);
  const struct group* found = ::getgrnam(name.c_str());
  if (found == nullptr) return fail(ErrorCode::kNotFound, "find group " + name + ": no such group");
  return found->gr_gid;
}

class SocketFile {
 public:
  explicit SocketFile(std::string path) : path_(std::move(path)) { ::lstat(path_.c_str(), &made_); }
  SocketFile(const SocketFile&) = delete;
  SocketFile& operator=(const SocketFile&) = delete;
  ~SocketFile() {
    struct stat now {};
    if (::lstat(path_.c_str(), &now) == 0 && now.st_ino == made_.st_ino) ::unlink(path_.c_str());
  }

 private:
  std::string path_;
  struct stat made_ {};
};

Result<Listener> listen_unix(const ListenAddress& wanted) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (wanted.path.size() >= sizeof address.sun_path)
    return fail(ErrorCode::kInvalid, "make socket " + wanted.path + ": the path is longer than " +
                                         std::to_string(sizeof address.sun_path - 1) + " bytes");
  std::memcpy(address.sun_path, wanted.path.c_str(), wanted.path.size() + 1);
  SLIP_TRY(clear_place(wanted.path, address));
  Listener made{
      wanted, Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)), {}, {}};
  if (!made.socket) return fail_errno("make socket");
  // Nobody may connect before owner and mode are right: they are set on the descriptor, from which the file has its
  // mode.
  const mode_t before = ::umask(0777);
  const int bound =
      ::bind(made.socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  ::umask(before);
  if (bound != 0) return fail(errno_error(error, "make socket " + wanted.path));
  made.file = std::make_shared<SocketFile>(wanted.path);
  if (!wanted.group.empty() &&
      ::lchown(wanted.path.c_str(), static_cast<uid_t>(-1), SLIP_TRY(group_id(wanted.group))) != 0)
    return fail_errno("give socket to group " + wanted.group);
  if (::chmod(wanted.path.c_str(), wanted.mode) != 0) return fail_errno("set mode of socket");
  if (::listen(made.socket.get(), kBacklog) != 0) return fail_errno("listen");
  return made;
}

bool is_loopback(const sockaddr* address) {
  if (address->sa_family == AF_INET6) {
    const auto* six = reinterpret_cast<const sockaddr_in6*>(address);
    return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
  }
  const auto* four = reinterpret_cast<const sockaddr_in*>(address);
  return address->sa_family == AF_INET && (ntohl(four->sin_addr.s_addr) >> 24U) == 127;
}

std::uint16_t bound_port(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port
                   : reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

Result<Listener> listen_tcp(const ListenAddress& wanted) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int problem = ::getaddrinfo(wanted.host.empty() ? nullptr : wanted.host.c_str(),
                                    std::to_string(wanted.port).c_str(), &hints, &found);
  if (problem != 0)
    return fail(ErrorCode::kInvalid,
                "find address " + wanted.host + ": " + ::gai_strerror(problem));
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> guard(found, ::freeaddrinfo);
  Listener made{wanted, {}, {}, {}};
  if (!wanted.tls.certificate.empty()) made.tls = SLIP_TRY(make_tls_context(wanted.tls));
  if (!is_loopback(found->ai_addr) && (!made.tls || wanted.tls.ca.empty()))
    return fail(ErrorCode::kPermission,
                "whoever reaches this address would be root here: TCP beyond the loopback needs "
                "TLS with client "
                "certificates (--tlscert, --tlskey, --tlscacert); or use ssh to the unix socket");
  made.socket = Fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!made.socket) return fail_errno("make socket");
  const int on = 1;
  ::setsockopt(made.socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(made.socket.get(), found->ai_addr, found->ai_addrlen) != 0) {
    if (errno == EADDRINUSE)
      return fail(ErrorCode::kConflict, "the port is in use by another program");
    return fail_errno("bind");
  }
  if (::listen(made.socket.get(), kBacklog) != 0) return fail_errno("listen");
  made.address.port = bound_port(made.socket.get());
  return made;
}

}  // namespace

Result<ListenAddress> ListenAddress::parse(const std::string& text) {
  ListenAddress address;
  if (text.starts_with("unix://")) {
    address.path = text.substr(7);
    if (!address.path.starts_with('/'))
      return fail(ErrorCode::kInvalid,
                  "address \"" + printable(text) + "\": expected unix:///PATH");
    return address;
  }
  if (!text.starts_with("tcp://"))
    return fail(ErrorCode::kInvalid,
                "address \"" + printable(text) + "\": expected unix:///PATH or tcp://HOST:PORT");
  const std::string rest = text.substr(6);
  const std::size_t colon = rest.rfind(':');
  const auto port = colon == std::string::npos ? std::nullopt : parse_int(rest.substr(colon + 1));
  if (!port || *port < 0 || *port > 65535)
    return fail(ErrorCode::kInvalid,
                "address \"" + printable(text) + "\": the port is missing or no number");
  address.host = rest.substr(0, colon);
  if (address.host.starts_with('[') && address.host.ends_with(']'))
    address.host = address.host.substr(1, address.host.size() - 2);
  address.port = static_cast<std::uint16_t>(*port);
  return address;
}

std::string ListenAddress::str() const {
  if (!path.empty()) return "unix://" + path;
  const bool six = host.find(':') != std::string::npos;
  return "tcp://" + (six ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Listener> listen_at(const ListenAddress& address) {
  return address.path.empty() ? listen_tcp(address) : listen_unix(address);
}

}  // namespace slipway::web
