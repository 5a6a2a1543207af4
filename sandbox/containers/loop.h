#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>
#include <utility>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"

namespace slipway::sandbox {

/// One thread's epoll: descriptors and timers with what to do about them. Not thread-safe. A handler may be called when
/// nothing is ready (its descriptor's number belonged to another a moment ago), so it must never block.
class Loop {
 public:
  using Handler = std::function<void(std::uint32_t events)>;  ///< EPOLLIN and friends.
  using TimerId = std::uint64_t;

  static Result<Loop> open();

  /// Level-triggered; EPOLLHUP and EPOLLERR come always. `fd` is borrowed and must be removed before it is closed.
  Status watch(int fd, std::uint32_t events, Handler handler);
  void change(int fd, std::uint32_t events);
  void forget(int fd);  ///< Unknown ones are fine.

  TimerId at(MonoTime when, std::function<void()> action);
  void cancel(TimerId timer);  ///< Unknown and past ones are fine.

  /// Called each time before the loop sleeps, when nothing is ready.
  void when_idle(std::function<void()> action) { idle_ = std::move(action); }
  /// Handles events until stop().
  Status run();
  void stop() { stopped_ = true; }

 private:
  explicit Loop(Fd epoll) : epoll_(std::move(epoll)) {}
  int run_timers();
  Fd epoll_;
  struct Watched {
    std::uint32_t events = 0;
    std::shared_ptr<Handler> handler;
  };
  std::unordered_map<int, Watched> watched_;
  std::map<std::pair<MonoTime, TimerId>, std::function<void()>> timers_;
  std::unordered_map<TimerId, MonoTime> timer_times_;
  TimerId next_timer_ = 1;
  std::function<void()> idle_;
  bool stopped_ = false;
};

}  // namespace slipway::sandbox
