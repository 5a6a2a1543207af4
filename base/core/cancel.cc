// Cancel tokens: an atomic level plus, for those who poll, descriptors that the kernel links
// together.
#include "base/cancel.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>

#include "base/fd.h"

namespace slipway {

// A child must fire when its parent does, and cancel() may run in a signal handler, where no list
// of children can be walked safely. So children look up instead: level() takes the maximum over the
// chain of ancestors, and a child's poll descriptor is an epoll set over its own eventfd and those
// of all its ancestors (an epoll descriptor is itself pollable; the set is flat, so the kernel's
// nesting limit does not matter). Descriptors are made on the first poll_fd(), so a token that
// nobody polls costs none.
struct CancelToken::State {
  // One per level above kNone.
  struct Signal {
    std::atomic<int> event{-1};
    std::atomic<int> poll{-1};
    ~Signal() {
      const Fd close_poll(poll.load());
      const Fd close_event(event.load());
    }
  };

  std::shared_ptr<State> parent;
  std::atomic<int> level{0};
  std::array<Signal, 2> signals;

  int event_fd(int wanted) noexcept;
  int poll_set(int wanted) noexcept;
};

namespace {

void fire(int fd) noexcept {
  const int saved = errno;
  const std::uint64_t one = 1;
  // Can fail only when the counter is full, and then it is readable already.
  [[maybe_unused]] const ssize_t written = ::write(fd, &one, sizeof one);
  errno = saved;
}

// Publishes a fresh descriptor, or closes it when another thread was first; returns the published
// one.
int publish(std::atomic<int>& slot, Fd fresh) noexcept {
  int expected = -1;
  if (slot.compare_exchange_strong(expected, fresh.get())) return fresh.release();
  return expected;
}

}  // namespace

// Sequentially consistent on purpose: cancel() stores the level and then loads the descriptor, this
// publishes the descriptor and then loads the level, so at least one of the two writes the event.
int CancelToken::State::event_fd(int wanted) noexcept {
  std::atomic<int>& slot = signals[static_cast<std::size_t>(wanted - 1)].event;
  if (const int ready = slot.load(); ready >= 0) return ready;
  Fd fresh(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!fresh) return -1;
  const int fd = publish(slot, std::move(fresh));
  if (level.load() >= wanted) fire(fd);
  return fd;
}

int CancelToken::State::poll_set(int wanted) noexcept {
  if (!parent) return event_fd(wanted);
  std::atomic<int>& slot = signals[static_cast<std::size_t>(wanted - 1)].poll;
  if (const int ready = slot.load(); ready >= 0) return ready;
  Fd fresh(::epoll_create1(EPOLL_CLOEXEC));
  if (!fresh) return parent->poll_set(wanted);
  for (State* state = this; state != nullptr; state = state->parent.get()) {
    epoll_event event{};
    event.events = EPOLLIN;
    const int fd = state->event_fd(wanted);
    // Out of descriptors or memory: the parent's set still hears Ctrl-C, which matters most.
    if (fd < 0 || ::epoll_ctl(fresh.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
      return parent->poll_set(wanted);
    }
  }
  return publish(slot, std::move(fresh));
}

CancelToken::CancelToken() : state_(std::make_shared<State>()) {}

CancelToken CancelToken::child() const {
  CancelToken token;
  token.state_->parent = state_;
  return token;
}

void CancelToken::cancel(CancelLevel level) const noexcept {
  const int wanted = static_cast<int>(level);
  int before = state_->level.load();
  while (before < wanted && !state_->level.compare_exchange_weak(before, wanted)) {
  }
  for (int reached = before + 1; reached <= wanted; ++reached) {
    const int fd = state_->signals[static_cast<std::size_t>(reached - 1)].event.load();
    if (fd >= 0) fire(fd);
  }
}

CancelLevel CancelToken::level() const noexcept {
  int highest = 0;
  for (const State* state = state_.get(); state != nullptr; state = state->parent.get()) {
    const int level = state->level.load();
    if (level > highest) highest = level;
  }
  return static_cast<CancelLevel>(highest);
}

int CancelToken::poll_fd(CancelLevel level) const noexcept {
  const int wanted = level == CancelLevel::kKill ? 2 : 1;
  return state_->poll_set(wanted);
}

}  // namespace slipway
