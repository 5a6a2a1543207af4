#pragma once

#include <sys/types.h>

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace slipway::sandbox::net {

/// A tap device in a container's network namespace (down yet); the descriptor carries its frames.
struct TapConfig {
  std::string interface;
  std::string mac;             ///< Six bytes.
  std::uint32_t mtu = 65'520;  ///< No wire to cross: the largest, which saves most work.
};
Result<Fd> make_tap(int network_namespace, const TapConfig& config);

/// The way out of an ordinary user's container: pasta(1), or slirp4netns(1) where only that is installed, which speak
/// for it with sockets of the machine. They are told nothing about ports and never lead to the machine's loopback. With
/// pasta and where the machine has a way to IPv6 addresses, the container has one, too.
struct UplinkConfig {
  std::string interface;
  std::string mac;  ///< Text.
  std::string address;
  int prefix = 16;
  std::string gateway;
};
class Uplink {
 public:
  static bool available();  ///< One of the programs is installed.
  /// Starts the program and waits until the interface is configured. The program ends with the calling thread, however
  /// that ends. kUnsupported names the packages when none is installed.
  static Result<Uplink> start(int network_namespace, const UplinkConfig& config);
  Uplink(Uplink&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Uplink& operator=(Uplink&& other) noexcept;
  ~Uplink() { stop(); }

 private:
  explicit Uplink(pid_t pid) : pid_(pid) {}
  void stop();
  pid_t pid_ = -1;
};

}  // namespace slipway::sandbox::net
