// A pool that grows on demand: handlers block for as long as their clients like.
#include "web/http/workers.h"

namespace slipway::web {

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wanted_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

bool Workers::run(std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  if (queue_.size() >= idle_) {
    if (threads_.size() >= most_) return false;
    threads_.emplace_back([this] { loop(); });
  }
  queue_.push_back(std::move(work));
  wanted_.notify_one();
  return true;
}

void Workers::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    wanted_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    --idle_;
    if (queue_.empty()) return;
    std::function<void()> work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work();
    work = nullptr;
    lock.lock();
  }
}

}  // namespace slipway::web
