// Netlink messages: building, checked parsing, and the exchange with the kernel. Knows no link and no rule.
#include "sandbox/net/netlink.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>

namespace slipway::sandbox::net {
namespace {

// What the kernel puts into one datagram of a dump at most. Linux: netlink_recvmsg, NLMSG_GOODSIZE.
constexpr std::size_t kReceiveSize = 32'768;
// Firewall batches with thousands of elements; the default would be 208 KiB.
constexpr int kSendBuffer = 4 << 20;
constexpr int kDumpAttempts = 5;

std::size_t aligned(std::size_t size) {
  return (size + NLMSG_ALIGNTO - 1) & ~(NLMSG_ALIGNTO - 1ul);
}

}  // namespace

void NetlinkBatch::append(const void* data, std::size_t size) {
  buffer_.append(static_cast<const char*>(data), size);
  buffer_.resize(aligned(buffer_.size()));
}

void NetlinkBatch::begin(std::uint16_t type, std::uint16_t flags, std::string doing) {
  finish();
  message_ = buffer_.size();
  nlmsghdr header{};
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  header.nlmsg_seq = static_cast<std::uint32_t>(labels_.size());
  labels_.push_back(std::move(doing));
  append(&header, sizeof header);
}

std::string_view NetlinkBatch::finish() {
  if (buffer_.size() > message_) {
    const auto size = static_cast<std::uint32_t>(buffer_.size() - message_);
    std::memcpy(buffer_.data() + message_, &size, sizeof size);  // nlmsg_len is the first member.
  }
  return buffer_;
}

void NetlinkBatch::bytes(std::uint16_t type, std::string_view value) {
  nlattr header{};
  header.nla_type = type;
  header.nla_len = static_cast<std::uint16_t>(sizeof header + value.size());
  append(&header, sizeof header);
  append(value.data(), value.size());
}

void NetlinkBatch::text(std::uint16_t type, std::string_view value) {
  bytes(type, std::string(value) + '\0');
}

NetlinkBatch::Nest::Nest(NetlinkBatch& batch, std::uint16_t type)
    : batch_(batch), start_(batch.buffer_.size()) {
  batch_.bytes(type | NLA_F_NESTED, {});
}

NetlinkBatch::Nest::~Nest() {
  const auto size = static_cast<std::uint16_t>(batch_.buffer_.size() - start_);
  std::memcpy(batch_.buffer_.data() + start_, &size, sizeof size);  // nla_len is the first member.
}

std::optional<NetlinkMessage> take_message(std::string_view& rest) {
  NetlinkMessage message;
  if (rest.size() < sizeof message.header) return std::nullopt;
  std::memcpy(&message.header, rest.data(), sizeof message.header);
  const std::size_t size = message.header.nlmsg_len;
  if (size < sizeof message.header || size > rest.size()) return std::nullopt;
  message.payload = rest.substr(sizeof message.header, size - sizeof message.header);
  rest.remove_prefix(std::min(rest.size(), aligned(size)));
  return message;
}

void Attributes::each(
    const std::function<void(std::uint16_t type, std::string_view value)>& visit) const {
  std::string_view rest = bytes_;
  while (rest.size() >= sizeof(nlattr)) {
    nlattr header;
    std::memcpy(&header, rest.data(), sizeof header);
    if (header.nla_len < sizeof header || header.nla_len > rest.size()) return;
    visit(header.nla_type & NLA_TYPE_MASK,
          rest.substr(sizeof header, header.nla_len - sizeof header));
    rest.remove_prefix(std::min(rest.size(), aligned(header.nla_len)));
  }
}

std::optional<std::string_view> Attributes::find(std::uint16_t type) const {
  std::optional<std::string_view> found;
  each([&](std::uint16_t seen, std::string_view value) {
    if (seen == type && !found) found = value;
  });
  return found;
}

std::string Attributes::text(std::uint16_t type) const {
  std::string_view value = find(type).value_or(std::string_view());
  return std::string(value.substr(0, value.find('\0')));
}

std::optional<std::uint32_t> Attributes::u32(std::uint16_t type) const {
  const auto value = find(type);
  if (!value || value->size() < sizeof(std::uint32_t)) return std::nullopt;
  std::uint32_t number;
  std::memcpy(&number, value->data(), sizeof number);
  return number;
}

Result<NetlinkSocket> NetlinkSocket::open(int protocol) {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd) return fail_errno("open netlink socket");
  // A refusal then carries no copy of the request, which may be large.
  const int on = 1;
  ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  // The kernel answers before send returns; the limit is for the case that it never does.
  const timeval patience{10, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return NetlinkSocket(std::move(fd));
}

Result<std::string_view> NetlinkSocket::receive(int flags) {
  buffer_.resize(kReceiveSize);
  for (;;) {
    const ssize_t size = ::recv(fd_.get(), buffer_.data(), buffer_.size(), flags | MSG_TRUNC);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && (flags & MSG_DONTWAIT) != 0 && errno == EAGAIN) return std::string_view();
    if (size < 0) return fail_errno("read netlink answer");
    if (static_cast<std::size_t>(size) > buffer_.size())
      return fail(ErrorCode::kInternal, "read netlink answer: longer than 32 KiB");
    return std::string_view(buffer_.data(), static_cast<std::size_t>(size));
  }
}

Status NetlinkSocket::transact(NetlinkBatch& batch,
                               const std::function<void(const NetlinkMessage&)>& visit) {
  const std::string_view request = batch.finish();
  if (request.size() > 128 * 1024)
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUFFORCE, &kSendBuffer, sizeof kSendBuffer);
  if (::send(fd_.get(), request.data(), request.size(), 0) < 0)
    return fail_errno(batch.labels().empty() ? "ask the kernel" : batch.labels().front());
  std::optional<Error> refusal;
  for (;;) {
    std::string_view rest = SLIP_TRY(receive(MSG_DONTWAIT));
    if (rest.empty()) break;
    while (const auto message = take_message(rest)) {
      if (message->header.nlmsg_type != NLMSG_ERROR) {
        if (visit && message->header.nlmsg_type != NLMSG_DONE) visit(*message);
        continue;
      }
      std::string_view payload = message->payload;
      const auto result = take_fixed<nlmsgerr>(payload);
      if (!result || result->error == 0 || refusal) continue;
      const std::size_t index = message->header.nlmsg_seq;
      refusal = errno_error(
          -result->error, index < batch.labels().size() ? batch.labels()[index] : "ask the kernel");
    }
  }
  if (refusal) return fail(*std::move(refusal));
  return {};
}

Result<bool> NetlinkSocket::dump_once(NetlinkBatch& request,
                                      const std::function<void(const NetlinkMessage&)>& visit) {
  const std::string doing = request.labels().front();
  const std::string_view bytes = request.finish();
  if (::send(fd_.get(), bytes.data(), bytes.size(), 0) < 0) return fail_errno(doing);
  bool consistent = true;
  for (;;) {
    std::string_view rest = SLIP_TRY(receive(0));
    while (const auto message = take_message(rest)) {
      if ((message->header.nlmsg_flags & NLM_F_DUMP_INTR) != 0) consistent = false;
      if (message->header.nlmsg_type == NLMSG_DONE) return consistent;
      if (message->header.nlmsg_type != NLMSG_ERROR) {
        visit(*message);
        continue;
      }
      std::string_view payload = message->payload;
      const auto result = take_fixed<nlmsgerr>(payload);
      return fail(errno_error(result ? -result->error : EPROTO, doing));
    }
  }
}

Status NetlinkSocket::dump(NetlinkBatch& request,
                           const std::function<void(const NetlinkMessage&)>& visit,
                           const std::function<void()>& restart) {
  for (int attempt = 0; attempt < kDumpAttempts; ++attempt) {
    restart();
    if (SLIP_TRY(dump_once(request, visit))) return {};
  }
  return {};  // A list that never rests is used as last seen.
}

}  // namespace slipway::sandbox::net
