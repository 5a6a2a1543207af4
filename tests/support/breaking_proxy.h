#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace slipway::testing {

/// A TCP relay on 127.0.0.1 that resets connections after so many bytes: what networks do to real servers.
class BreakingProxy {
 public:
  explicit BreakingProxy(int to_port);  ///< On 127.0.0.1.
  ~BreakingProxy();
  BreakingProxy(const BreakingProxy&) = delete;
  BreakingProxy& operator=(const BreakingProxy&) = delete;

  std::string host() const;  ///< "127.0.0.1:PORT"
  /// Resets the connection over which the next `bytes` bytes have gone (in all connections together), once for each call.
  void break_after_sent(std::uint64_t bytes);
  void break_after_received(std::uint64_t bytes);
  int breaks() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace slipway::testing
