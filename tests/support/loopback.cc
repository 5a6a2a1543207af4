// Sockets of servers that tests talk to.
#include "tests/support/loopback.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace slipway::testing {

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

LoopbackListener listen_on_loopback(const char* who) {
  LoopbackListener listener;
  listener.fd = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (::bind(listener.fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::listen(listener.fd.get(), 64) != 0 ||
      ::getsockname(listener.fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::perror(who);
    std::abort();
  }
  listener.port = ntohs(address.sin_port);
  return listener;
}

}  // namespace slipway::testing
