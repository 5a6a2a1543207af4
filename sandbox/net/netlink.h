#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace slipway::sandbox::net {

/// Netlink requests in one buffer, in the order in which the kernel shall do them. Spec: netlink(7).
class NetlinkBatch {
 public:
  /// Starts a message; `doing` reads `verb object`, for the error when the kernel refuses it.
  void begin(std::uint16_t type, std::uint16_t flags, std::string doing);
  /// The fixed part that follows the message's header.
  template <typename T>
  void put(const T& fixed) {
    append(&fixed, sizeof fixed);
  }
  void bytes(std::uint16_t type, std::string_view value);
  void text(std::uint16_t type, std::string_view value);  ///< Ends in a NUL.
  void u8(std::uint16_t type, std::uint8_t value) { number(type, value); }
  void u16(std::uint16_t type, std::uint16_t value) { number(type, value); }
  void u32(std::uint16_t type, std::uint32_t value) { number(type, value); }
  void be16(std::uint16_t type, std::uint16_t value) { number(type, __builtin_bswap16(value)); }
  void be32(std::uint16_t type, std::uint32_t value) { number(type, __builtin_bswap32(value)); }
  void flag(std::uint16_t type) { bytes(type, {}); }

  /// An attribute that holds others: closed at the end of the guard's life.
  class [[nodiscard]] Nest {
   public:
    Nest(NetlinkBatch& batch, std::uint16_t type);
    ~Nest();
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;

   private:
    NetlinkBatch& batch_;
    std::size_t start_;
  };
  Nest nest(std::uint16_t type) { return Nest(*this, type); }

  bool empty() const { return labels_.empty(); }
  std::size_t size() const { return buffer_.size(); }
  /// The finished bytes; begin() starts the next message behind them.
  std::string_view finish();
  const std::vector<std::string>& labels() const { return labels_; }

 private:
  template <typename T>
  void number(std::uint16_t type, T value) {
    bytes(type, {reinterpret_cast<const char*>(&value), sizeof value});
  }
  void append(const void* data, std::size_t size);

  std::string buffer_;
  std::size_t message_ = 0;  ///< Where the open message begins.
  std::vector<std::string>
      labels_;  ///< One per message; its index is the message's sequence number.
};

/// One message as received; the views point into the receive buffer.
struct NetlinkMessage {
  nlmsghdr header{};
  std::string_view payload;
};
/// Takes the first message off `rest`; nothing when what is left is no whole message.
std::optional<NetlinkMessage> take_message(std::string_view& rest);

/// Attributes of a message. Lengths are checked; what does not fit ends the list.
class Attributes {
 public:
  explicit Attributes(std::string_view bytes) : bytes_(bytes) {}
  void each(const std::function<void(std::uint16_t type, std::string_view value)>& visit) const;
  std::optional<std::string_view> find(std::uint16_t type) const;
  std::string text(std::uint16_t type) const;  ///< Without the NUL; "" when absent.
  std::optional<std::uint32_t> u32(std::uint16_t type) const;

 private:
  std::string_view bytes_;
};

/// The fixed part at the front of a payload, and what follows it; nothing when it is too short.
template <typename T>
std::optional<T> take_fixed(std::string_view& payload) {
  if (payload.size() < sizeof(T)) return std::nullopt;
  T fixed;
  std::memcpy(&fixed, payload.data(), sizeof fixed);
  payload.remove_prefix(std::min(payload.size(), static_cast<std::size_t>(NLMSG_ALIGN(sizeof(T)))));
  return fixed;
}

/// A socket in the network namespace of the thread that opened it.
class NetlinkSocket {
 public:
  static Result<NetlinkSocket> open(int protocol);
  int fd() const { return fd_.get(); }

  /// Sends the batch and reads the kernel's answers (it has worked all off when send returns). The first refusal is
  /// the error. Answers that are no acknowledgement go to `visit`.
  Status transact(NetlinkBatch& batch,
                  const std::function<void(const NetlinkMessage&)>& visit = nullptr);
  /// One request that is answered by many messages. Starts again (at most five times) when the kernel says that
  /// the list changed meanwhile; `restart` then forgets what was seen.
  Status dump(NetlinkBatch& request, const std::function<void(const NetlinkMessage&)>& visit,
              const std::function<void()>& restart);

 private:
  explicit NetlinkSocket(Fd fd) : fd_(std::move(fd)) {}
  Result<std::string_view> receive(int flags);
  Result<bool> dump_once(NetlinkBatch& request,
                         const std::function<void(const NetlinkMessage&)>& visit);
  Fd fd_;
  std::string buffer_;
};

}  // namespace slipway::sandbox::net
