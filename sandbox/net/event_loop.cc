// Waiting for many descriptors in one thread.
#include "sandbox/net/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/sys.h"

namespace slipway::sandbox::net {

Result<std::unique_ptr<EventLoop>> EventLoop::make() {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return fail_errno("make an epoll descriptor");
  Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake) return fail_errno("make an eventfd");
  const int wake_fd = wake.get();
  std::unique_ptr<EventLoop> loop(new EventLoop(std::move(epoll), std::move(wake)));
  SLIP_TRY(loop->add(wake_fd, EPOLLIN, [raw = loop.get()](std::uint32_t) { raw->run_jobs(); }));
  return loop;
}

Status EventLoop::add(int fd, std::uint32_t events, Handler handler) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
    return fail_errno("watch a descriptor");
  handlers_[fd] = std::make_shared<Handler>(std::move(handler));
  return {};
}

void EventLoop::change(int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event);
}

void EventLoop::remove(int fd) {
  if (handlers_.erase(fd) != 0) ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void EventLoop::on_tick(std::function<std::optional<MonoTime>(MonoTime now)> tick) {
  ticks_.push_back(std::move(tick));
}

int EventLoop::wait_time() {
  const MonoTime now = std::chrono::steady_clock::now();
  std::optional<MonoTime> next;
  for (const auto& tick : ticks_) {
    const auto wanted = tick(now);
    if (wanted && (!next || *wanted < *next)) next = wanted;
  }
  if (!next) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - now).count();
  return static_cast<int>(std::clamp<decltype(left)>(left, 0, 60'000));
}

void EventLoop::run() {
  epoll_event events[16];
  while (!posted_.with([](const Posted& posted) { return posted.stop; })) {
    const int count = ::epoll_wait(epoll_.get(), events, std::size(events), wait_time());
    if (count < 0 && errno != EINTR) return;
    for (int i = 0; i < count; ++i) {
      // An earlier handler of this round may have removed it; a copy, since this one may remove itself.
      const auto found = handlers_.find(events[i].data.fd);
      if (found == handlers_.end()) continue;
      const std::shared_ptr<Handler> handler = found->second;
      (*handler)(events[i].events);
    }
  }
}

void EventLoop::run_jobs() {
  std::uint64_t count;
  [[maybe_unused]] const ssize_t ignored = ::read(wake_.get(), &count, sizeof count);
  const auto jobs = posted_.with([](Posted& posted) { return std::exchange(posted.jobs, {}); });
  for (const auto& job : jobs) job();
}

void EventLoop::post(std::function<void()> job) {
  posted_.with([&](Posted& posted) { posted.jobs.push_back(std::move(job)); });
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t ignored = ::write(wake_.get(), &one, sizeof one);
}

void EventLoop::stop() {
  posted_.with([](Posted& posted) { posted.stop = true; });
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t ignored = ::write(wake_.get(), &one, sizeof one);
}

}  // namespace slipway::sandbox::net
