#pragma once

#include <cstdint>
#include <map>
#include <thread>

#include "base/cancel.h"
#include "base/fd.h"
#include "base/guarded.h"
#include "base/result.h"

namespace slipway::web {

/// Fires a token when the other end of a socket is closed, also while nobody reads from it. One thread for all.
class ClientWatch {
 public:
  static Result<std::unique_ptr<ClientWatch>> open();
  ~ClientWatch();
  ClientWatch(const ClientWatch&) = delete;
  ClientWatch& operator=(const ClientWatch&) = delete;

  /// What counts as gone: that no more will come (plain requests), or that nobody listens any more (hijacked ones,
  /// whose
  /// client may have ended only its half).
  enum class When { kInputEnds, kClosed };
  class Guard {
   public:
    Guard() = default;
    Guard(ClientWatch* watch, std::uint64_t ticket, int fd)
        : watch_(watch), ticket_(ticket), fd_(fd) {}
    Guard(Guard&& other) noexcept { *this = std::move(other); }
    Guard& operator=(Guard&& other) noexcept;
    ~Guard() { reset(); }
    void reset();

   private:
    ClientWatch* watch_ = nullptr;
    std::uint64_t ticket_ = 0;
    int fd_ = -1;
  };
  Guard watch(int fd, When when, CancelToken token);

  ClientWatch(Fd epoll, Fd stop);

 private:
  void run();
  struct State {
    std::uint64_t next = 1;
    std::map<std::uint64_t, CancelToken> tokens;
  };
  Fd epoll_, stop_;
  Guarded<State> state_;
  std::thread thread_;
};

}  // namespace slipway::web
