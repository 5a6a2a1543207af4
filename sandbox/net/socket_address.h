#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>

#include "sandbox/net/address.h"

namespace slipway::sandbox::net {

/// An address with a port, as the socket calls want it.
class SocketAddress {
 public:
  SocketAddress(const Address& address, std::uint16_t port) {
    if (address.v6) {
      auto& six = reinterpret_cast<sockaddr_in6&>(storage_);
      six.sin6_family = AF_INET6;
      six.sin6_port = htons(port);
      std::memcpy(&six.sin6_addr, address.bytes.data(), 16);
      size_ = sizeof six;
    } else {
      auto& four = reinterpret_cast<sockaddr_in&>(storage_);
      four.sin_family = AF_INET;
      four.sin_port = htons(port);
      std::memcpy(&four.sin_addr, address.bytes.data(), 4);
      size_ = sizeof four;
    }
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return size_; }

  static std::uint16_t port_of(const sockaddr_storage& storage) {
    return ntohs(storage.ss_family == AF_INET6
                     ? reinterpret_cast<const sockaddr_in6&>(storage).sin6_port
                     : reinterpret_cast<const sockaddr_in&>(storage).sin_port);
  }

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

}  // namespace slipway::sandbox::net
