#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/guarded.h"
#include "base/result.h"

namespace slipway::sandbox::net {

/// One thread's wait for many descriptors (epoll). Everything but post() and stop() belongs to the thread that runs
/// it, or to whoever prepares it before.
class EventLoop {
 public:
  using Handler = std::function<void(std::uint32_t events)>;
  static Result<std::unique_ptr<EventLoop>> make();

  /// EPOLL… events; the descriptor stays the caller's, who removes it before closing it.
  Status add(int fd, std::uint32_t events, Handler handler);
  void change(int fd, std::uint32_t events);
  void remove(int fd);
  /// Asked before each wait: does what is due, and says when it wants to be asked again at the latest.
  void on_tick(std::function<std::optional<MonoTime>(MonoTime now)> tick);

  void run();  ///< Until stop().
  void post(
      std::function<void()> job);  ///< Runs in the loop's thread; dropped when it has stopped.
  void stop();

 private:
  EventLoop(Fd epoll, Fd wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {}
  int wait_time();
  void run_jobs();

  Fd epoll_;
  Fd wake_;
  std::unordered_map<int, std::shared_ptr<Handler>> handlers_;
  std::vector<std::function<std::optional<MonoTime>(MonoTime)>> ticks_;
  struct Posted {
    std::vector<std::function<void()>> jobs;
    bool stop = false;
  };
  Guarded<Posted> posted_;
};

}  // namespace slipway::sandbox::net
