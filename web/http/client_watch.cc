// One epoll set over the sockets whose requests are at work.
#include "web/http/client_watch.h"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/sys.h"

namespace slipway::web {

Result<std::unique_ptr<ClientWatch>> ClientWatch::open() {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return fail_errno("watch clients");
  Fd stop = SLIP_TRY(sys::make_eventfd());
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = 0;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, stop.get(), &event) != 0)
    return fail_errno("watch clients");
  return std::make_unique<ClientWatch>(std::move(epoll), std::move(stop));
}

ClientWatch::ClientWatch(Fd epoll, Fd stop)
    : epoll_(std::move(epoll)), stop_(std::move(stop)), thread_([this] { run(); }) {}

ClientWatch::~ClientWatch() {
  const std::uint64_t one = 1;
  (void)!::write(stop_.get(), &one, sizeof one);
  thread_.join();
}

void ClientWatch::run() {
  std::array<epoll_event, 64> events{};
  for (;;) {
    const int count =
        ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), -1);
    for (int i = 0; i < count; ++i) {
      const std::uint64_t ticket = events[static_cast<std::size_t>(i)].data.u64;
      if (ticket == 0) return;
      state_.with([&](State& state) {
        const auto found = state.tokens.find(ticket);
        if (found != state.tokens.end()) found->second.cancel(CancelLevel::kKill);
      });
    }
    if (count < 0 && errno != EINTR) return;
  }
}

ClientWatch::Guard ClientWatch::watch(int fd, When when, CancelToken token) {
  const std::uint64_t ticket = state_.with([&](State& state) {
    state.tokens.emplace(state.next, std::move(token));
    return state.next++;
  });
  epoll_event event{};
  // Errors and hang-ups come unasked for.
  event.events = EPOLLONESHOT | (when == When::kInputEnds ? EPOLLRDHUP : 0U);
  event.data.u64 = ticket;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    state_.with([&](State& state) { state.tokens.erase(ticket); });
    return {};
  }
  return {this, ticket, fd};
}

ClientWatch::Guard& ClientWatch::Guard::operator=(Guard&& other) noexcept {
  if (this != &other) {
    reset();
    watch_ = std::exchange(other.watch_, nullptr);
    ticket_ = other.ticket_;
    fd_ = other.fd_;
  }
  return *this;
}

void ClientWatch::Guard::reset() {
  if (watch_ == nullptr) return;
  ::epoll_ctl(watch_->epoll_.get(), EPOLL_CTL_DEL, fd_, nullptr);
  watch_->state_.with([&](State& state) { state.tokens.erase(ticket_); });
  watch_ = nullptr;
}

}  // namespace slipway::web
