// Packets of JSON with a descriptor, and the sockets they travel on. Knows no request.
#include "sandbox/containers/message.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/files.h"

namespace slipway::sandbox {
namespace {

constexpr std::size_t kPacket = std::size_t{32} << 10;  // Far below the least SO_SNDBUF.
constexpr ByteCount kLargest = 8_MiB;  // ARG_MAX is 2 MiB for arguments and environment.
constexpr int kBacklog = 128;
constexpr std::string_view kElsewhere = "@";  // The body is in the first descriptor.

Result<Fd> sealed(std::string_view text) {
  Fd file(::memfd_create("slipway-message", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file) return fail_errno("make message");
  SLIP_TRY(write_all(file.get(), text, "message"));
  if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) !=
      0)
    return fail_errno("seal message");
  return file;
}

// Only what nobody can change or block on is read.
Result<std::string> read_sealed(int file) {
  constexpr int kWanted = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  const int seals = ::fcntl(file, F_GET_SEALS);
  if (seals < 0 || (seals & kWanted) != kWanted)
    return fail(ErrorCode::kInvalid, "receive message: its body is not sealed");
  if (::lseek(file, 0, SEEK_SET) != 0) return fail_errno("receive message");
  return read_fd(file, kLargest, "message");
}

Status send_packet(int socket, std::string_view text, const int* descriptors, std::size_t count) {
  struct iovec part = {const_cast<char*>(text.data()), text.size()};
  alignas(struct cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
  struct msghdr message {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (count > 0) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    struct cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    std::memcpy(CMSG_DATA(header), descriptors, count * sizeof(int));
  }
  while (::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    if (errno == EINTR) continue;
    if (errno == EPIPE || errno == ECONNRESET)
      return fail(ErrorCode::kNotFound, "send message: the other end is gone", errno);
    if (errno == EAGAIN)
      return fail(ErrorCode::kUnavailable, "send message: the other end does not read", errno);
    return fail_errno("send message");
  }
  return {};
}

std::vector<Fd> descriptors_of(struct msghdr& message) {
  std::vector<Fd> found;
  for (struct cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int descriptor = -1;
      std::memcpy(&descriptor, CMSG_DATA(header) + i * sizeof(int), sizeof descriptor);
      found.emplace_back(descriptor);
    }
  }
  return found;
}

Result<struct sockaddr_un> address_in(int directory, const std::string& name) {
  struct sockaddr_un address {};
  address.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(directory) + "/" + name;
  if (path.size() >= sizeof address.sun_path)
    return fail(ErrorCode::kInvalid, "address socket " + name + ": the name is too long");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Result<Fd> make_socket() {
  Fd made(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!made) return fail_errno("make socket");
  return made;
}

}  // namespace

Status send_message(int socket, const Json& body, int descriptor) {
  const std::string text = body.dump();
  std::array<int, 2> descriptors{};
  std::size_t count = 0;
  Fd elsewhere;
  if (text.size() > kPacket) {
    elsewhere = SLIP_TRY(sealed(text));
    descriptors.at(count++) = elsewhere.get();
  }
  if (descriptor >= 0) descriptors.at(count++) = descriptor;
  return send_packet(socket, elsewhere ? kElsewhere : text, descriptors.data(), count);
}

Result<Json> parse_message(std::string_view text) {
  constexpr std::size_t kDepth = 16;
  Json body = SLIP_TRY_WITHIN("receive message", parse_json(text, {kLargest.value, kDepth}));
  if (!body.is_object()) return fail(ErrorCode::kInvalid, "receive message: not an object");
  return body;
}

Result<std::optional<Message>> receive_message(int socket) {
  std::string text(kPacket, '\0');
  struct iovec part = {text.data(), text.size()};
  alignas(struct cmsghdr) std::array<char, CMSG_SPACE(4 * sizeof(int))> control{};
  struct msghdr message {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t size = -1;
  while ((size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC)) < 0) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return fail(ErrorCode::kUnavailable, "receive message: none yet", errno);
    if (errno == ECONNRESET) return std::optional<Message>();
    return fail_errno("receive message");
  }
  std::vector<Fd> descriptors = descriptors_of(message);
  if (size == 0) return std::optional<Message>();
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
    return fail(ErrorCode::kInvalid, "receive message: larger than a packet");
  text.resize(static_cast<std::size_t>(size));
  if (text == kElsewhere) {
    if (descriptors.empty())
      return fail(ErrorCode::kInvalid, "receive message: its body is missing");
    text = SLIP_TRY(read_sealed(descriptors[0].get()));
    descriptors.erase(descriptors.begin());
  }
  Message received{SLIP_TRY(parse_message(text)), Fd()};
  if (!descriptors.empty()) received.descriptor = std::move(descriptors[0]);
  return std::optional<Message>(std::move(received));
}

Json error_body(const Error& error) {
  return Json::object({{"error", static_cast<int>(error.code())},
                       {"text", error.text()},
                       {"errno", error.sys_errno()}});
}

std::optional<Error> error_of(const Json& body) {
  const Json* code = body.find("error");
  if (code == nullptr) return std::nullopt;
  const std::int64_t number = code->int_or(-1);
  const bool known = number >= 0 && number <= static_cast<int>(ErrorCode::kInternal);
  return Error(known ? static_cast<ErrorCode>(number) : ErrorCode::kInternal,
               std::string(body["text"].string_or("ask monitor: unknown trouble")),
               static_cast<int>(body["errno"].int_or(0)));
}

Result<Fd> listen_in(int directory, const std::string& name) {
  const struct sockaddr_un address = SLIP_TRY(address_in(directory, name));
  Fd made = SLIP_TRY(make_socket());
  if (::unlinkat(directory, name.c_str(), 0) != 0 && errno != ENOENT)
    return fail_errno("remove old socket " + name);
  // The mode of a socket file is the descriptor's, less the umask; the directory is 0700 from its birth.
  if (::fchmod(made.get(), 0600) != 0 ||
      ::bind(made.get(), reinterpret_cast<const struct sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(made.get(), kBacklog) != 0) {
    return fail_errno("listen at " + name);
  }
  return made;
}

Result<Fd> connect_in(int directory, const std::string& name) {
  const struct sockaddr_un address = SLIP_TRY(address_in(directory, name));
  Fd made = SLIP_TRY(make_socket());
  while (::connect(made.get(), reinterpret_cast<const struct sockaddr*>(&address),
                   sizeof address) != 0) {
    if (errno == EINTR) continue;
    if (errno == ENOENT || errno == ECONNREFUSED)
      return fail(ErrorCode::kNotFound, "connect to " + name + ": nobody listens", errno);
    return fail_errno("connect to " + name);
  }
  return made;
}

Status check_peer(int socket) {
  struct ucred peer {};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return fail_errno("look at peer");
  if (peer.uid == ::geteuid() || peer.uid == 0) return {};
  return fail(ErrorCode::kPermission,
              "talk to monitor: user " + std::to_string(peer.uid) + " is not its owner");
}

}  // namespace slipway::sandbox
