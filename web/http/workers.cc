// A pool that grows on demand and shrinks in peace: handlers block for as long as their clients like.
#include "web/http/workers.h"

#include <malloc.h>

#include <chrono>

namespace slipway::web {
namespace {

constexpr std::chrono::seconds kIdle{5};

}  // namespace

Workers::~Workers() {
  std::map<std::thread::id, std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    threads.swap(threads_);
  }
  wanted_.notify_all();
  for (auto& [id, thread] : threads) thread.join();
  for (std::thread& thread : ended_) thread.join();
}

bool Workers::run(std::function<void()> work) {
  std::vector<std::thread> ended;
  {
    const std::lock_guard lock(mutex_);
    ended.swap(ended_);
    if (queue_.size() >= idle_) {
      if (threads_.size() >= most_) return false;
      std::thread thread([this] { loop(); });
      const std::thread::id id = thread.get_id();
      threads_.emplace(id, std::move(thread));
    }
    queue_.push_back(std::move(work));
    wanted_.notify_one();
  }
  for (std::thread& thread : ended) thread.join();
  return true;
}

// The next run() or the end joins it.
void Workers::retire(std::thread::id self) {
  const auto found = threads_.find(self);
  if (found == threads_.end()) return;  // the pool is ending and has it already
  ended_.push_back(std::move(found->second));
  threads_.erase(found);
  if (threads_.empty()) ::malloc_trim(0);
}

void Workers::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    const bool called =
        wanted_.wait_for(lock, kIdle, [this] { return stopping_ || !queue_.empty(); });
    --idle_;
    if (!called) return retire(std::this_thread::get_id());
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
