// The monitor's event loop. Knows nothing of containers.
#include "sandbox/containers/loop.h"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace slipway::sandbox {

Result<Loop> Loop::open() {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return fail_errno("make event loop");
  return Loop(std::move(epoll));
}

Status Loop::watch(int fd, std::uint32_t events, Handler handler) {
  struct epoll_event event {};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    return fail_errno("watch descriptor");
  watched_[fd] = {events, std::make_shared<Handler>(std::move(handler))};
  return {};
}

void Loop::change(int fd, std::uint32_t events) {
  const auto found = watched_.find(fd);
  if (found == watched_.end() || found->second.events == events) return;
  struct epoll_event event {};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0) found->second.events = events;
}

void Loop::forget(int fd) {
  if (watched_.erase(fd) > 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

Loop::TimerId Loop::at(MonoTime when, std::function<void()> action) {
  const TimerId id = next_timer_++;
  timers_[{when, id}] = std::move(action);
  timer_times_[id] = when;
  return id;
}

void Loop::cancel(TimerId timer) {
  const auto found = timer_times_.find(timer);
  if (found == timer_times_.end()) return;
  timers_.erase({found->second, timer});
  timer_times_.erase(found);
}

// Runs what is due; milliseconds until the next, or -1.
int Loop::run_timers() {
  while (!timers_.empty() && !stopped_) {
    const auto first = timers_.begin();
    const MonoTime now = std::chrono::steady_clock::now();
    if (first->first.first > now) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(first->first.first - now);
      return static_cast<int>(std::min<std::int64_t>(left.count(), 3'600'000));
    }
    const std::function<void()> action = std::move(first->second);
    timer_times_.erase(first->first.second);
    timers_.erase(first);
    action();
  }
  return -1;
}

Status Loop::run() {
  std::array<struct epoll_event, 32> events{};
  stopped_ = false;
  while (!stopped_) {
    int timeout = run_timers();
    if (stopped_) break;
    int ready = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    if (ready == 0) {
      if (idle_) idle_();
      timeout = run_timers();  // Idling may have set one.
      if (stopped_) break;
      ready = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout);
    }
    if (ready < 0 && errno != EINTR) return fail_errno("wait for events");
    for (int i = 0; i < ready && !stopped_; ++i) {
      const auto found = watched_.find(events.at(static_cast<std::size_t>(i)).data.fd);
      if (found == watched_.end()) continue;  // Forgotten by a handler before it.
      const std::shared_ptr<Handler> handler = found->second.handler;  // It may forget itself.
      (*handler)(events.at(static_cast<std::size_t>(i)).events);
    }
  }
  return {};
}

}  // namespace slipway::sandbox
