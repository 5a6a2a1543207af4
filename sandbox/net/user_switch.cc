// Frames between the tap devices of one user's containers.
#include "sandbox/net/user_switch.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/files.h"
#include "base/text.h"

namespace slipway::sandbox::net {
namespace {

constexpr std::size_t kFrameLimit = 65'536 + 18;
constexpr std::size_t kMacSize = 6, kHeaderSize = 14;  // IEEE 802.3
constexpr int kFramesAtOnce = 64;
constexpr std::size_t kWaitingLimit = 16;  ///< Frames for a peer that has not answered yet.
constexpr std::size_t kPeerLimit = 256;
constexpr std::int64_t kStampStep = 20'000'000;  // As in names.cc.

/// Through the descriptor of its directory: names of sockets are limited to 107 bytes, paths are not.
sockaddr_un address_of(const Fd& directory, const std::string& mac) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path =
      "/proc/self/fd/" + std::to_string(directory.get()) + "/" + hex_encode(mac);
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  return address;
}

Result<Fd> make_socket() {
  Fd fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail_errno("make a socket");
  return fd;
}

bool send_descriptor(int socket, int descriptor) {
  char byte = 't';
  iovec data{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) == 1;
}

Fd receive_descriptor(int socket) {
  char byte;
  iovec data{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  if (::recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1) return Fd();
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS ||
      header->cmsg_len != CMSG_LEN(sizeof(int)))
    return Fd();
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(header), sizeof descriptor);
  return Fd(descriptor);
}

std::int64_t changed(const Fd& directory) {
  struct stat status {};
  if (::fstat(directory.get(), &status) != 0) return 0;
  return std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
}

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string bytes_of(std::string_view hex) {
  std::string bytes;
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  return bytes;
}

}  // namespace

UserSwitch::~UserSwitch() {
  for (const auto& [directory, port] : ports_) close(port);
}

Status UserSwitch::add(const std::string& directory, const std::string& mac, Fd tap) {
  auto port = std::make_shared<Port>();
  port->path = directory;
  port->mac = mac;
  port->tap = std::move(tap);
  SLIP_TRY(make_dirs(directory, 0700));
  port->directory = SLIP_TRY(open_file(directory, O_RDONLY | O_DIRECTORY));
  port->listener = SLIP_TRY(make_socket());
  const std::string name = hex_encode(mac);
  // The address is ours by its reservation: what is there was left by somebody who is dead.
  ::unlinkat(port->directory.get(), name.c_str(), 0);
  const sockaddr_un address = address_of(port->directory, mac);
  if (::bind(port->listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
          0 ||
      ::listen(port->listener.get(), 64) != 0)
    return fail_errno("bind " + directory + "/" + name);
  SLIP_TRY(loop_.add(port->tap.get(), EPOLLIN, [this, port](std::uint32_t) { read_tap(port); }));
  SLIP_TRY(loop_.add(port->listener.get(), EPOLLIN,
                     [this, port](std::uint32_t) { accept_guest(port); }));
  ports_[directory] = port;
  return {};
}

void UserSwitch::remove(const std::string& directory) {
  const auto found = ports_.find(directory);
  if (found == ports_.end()) return;
  const PortRef port = found->second;
  ports_.erase(found);
  close(port);
}

void UserSwitch::close(const PortRef& port) {
  ::unlinkat(port->directory.get(), hex_encode(port->mac).c_str(), 0);
  loop_.remove(port->tap.get());
  loop_.remove(port->listener.get());
  while (!port->guests.empty()) drop_guest(port, *port->guests.begin());
  while (!port->peers.empty()) drop_peer(port, port->peers.begin()->first);
  port->tap.reset();
  port->listener.reset();
}

void UserSwitch::read_tap(const PortRef& port) {
  std::string frame(kFrameLimit, '\0');
  for (int i = 0; i < kFramesAtOnce && port->tap; ++i) {
    const ssize_t size = ::read(port->tap.get(), frame.data(), frame.size());
    if (size < 0) return;
    const std::string_view whole(frame.data(), static_cast<std::size_t>(size));
    if (whole.size() < kHeaderSize) continue;
    // Under its own address only: a container can be nobody else.
    if (whole.substr(kMacSize, kMacSize) != port->mac) continue;
    const std::string to(whole.substr(0, kMacSize));
    if ((to[0] & 1) == 0) {
      forward(port, to, whole);
      continue;
    }
    const std::vector<std::string> all = stations(*port);
    for (const std::string& station : all) forward(port, station, whole);
  }
}

const std::vector<std::string>& UserSwitch::stations(Port& port) {
  const std::int64_t stamp = changed(port.directory);
  if (stamp == port.listed) return port.stations;
  port.stations.clear();
  const auto names = list_dir(port.directory.get(), port.path);
  if (names) {
    for (const std::string& name : *names) {
      if (name.size() != 2 * kMacSize ||
          name.find_first_not_of("0123456789abcdef") != std::string::npos)
        continue;
      std::string mac = bytes_of(name);
      if (mac != port.mac) port.stations.push_back(std::move(mac));
    }
  }
  port.listed = now_ns() - stamp > kStampStep ? stamp : -1;
  return port.stations;
}

void UserSwitch::forward(const PortRef& port, const std::string& mac, std::string_view frame) {
  const auto found = port->peers.find(mac);
  const auto peer = found != port->peers.end() ? found->second : connect_peer(port, mac);
  if (!peer) return;  // No such station: as on any wire.
  if (!peer->tap) {
    if (peer->waiting.size() < kWaitingLimit) peer->waiting.emplace_back(frame);
    return;
  }
  // A device whose namespace is gone answers EIO or EBADFD; its connection's end says so, too.
  if (::write(peer->tap.get(), frame.data(), frame.size()) < 0 && errno != EAGAIN &&
      errno != EINVAL && errno != ENOBUFS)
    drop_peer(port, mac);
}

void UserSwitch::accept_guest(const PortRef& port) {
  Fd guest(::accept4(port->listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!guest || port->guests.size() >= kPeerLimit || !send_descriptor(guest.get(), port->tap.get()))
    return;
  const int fd = guest.get();
  if (!loop_.add(fd, EPOLLRDHUP, [this, port, fd](std::uint32_t) { drop_guest(port, fd); })) return;
  port->guests.insert(guest.release());
}

void UserSwitch::drop_guest(const PortRef& port, int guest) {
  if (port->guests.erase(guest) == 0) return;
  loop_.remove(guest);
  const Fd closing(guest);
}

std::shared_ptr<UserSwitch::Peer> UserSwitch::connect_peer(const PortRef& port,
                                                           const std::string& mac) {
  if (port->peers.size() >= kPeerLimit) return nullptr;
  auto connection = make_socket();
  if (!connection) return nullptr;
  const sockaddr_un address = address_of(port->directory, mac);
  if (::connect(connection->get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) !=
      0)
    return nullptr;
  auto peer = std::make_shared<Peer>();
  peer->connection = *std::move(connection);
  if (!loop_.add(peer->connection.get(), EPOLLIN | EPOLLRDHUP,
                 [this, port, mac, peer](std::uint32_t) { take_tap(port, mac, peer); }))
    return nullptr;
  port->peers[mac] = peer;
  return peer;
}

void UserSwitch::take_tap(const PortRef& port, const std::string& mac,
                          const std::shared_ptr<Peer>& peer) {
  // Once comes the descriptor; whatever comes then is the end.
  if (peer->tap) return drop_peer(port, mac);
  peer->tap = receive_descriptor(peer->connection.get());
  if (!peer->tap) return drop_peer(port, mac);
  for (const std::string& frame : std::exchange(peer->waiting, {})) forward(port, mac, frame);
}

void UserSwitch::drop_peer(const PortRef& port, const std::string& mac) {
  const auto found = port->peers.find(mac);
  if (found == port->peers.end()) return;
  const std::shared_ptr<Peer> peer = found->second;
  port->peers.erase(found);
  loop_.remove(peer->connection.get());
}

}  // namespace slipway::sandbox::net
