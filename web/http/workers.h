#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace slipway::web {

/// Threads for handlers, made when needed, kept for the next, and given back when there was none for a while.
class Workers {
 public:
  explicit Workers(std::size_t most) : most_(most) {}
  ~Workers();  ///< Waits for all that runs.
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  /// False when all are busy and there are as many as may be: nothing was taken.
  bool run(std::function<void()> work);

 private:
  void retire(std::thread::id self);
  void loop();
  const std::size_t most_;
  std::mutex mutex_;
  std::condition_variable wanted_;
  std::deque<std::function<void()>> queue_;
  std::map<std::thread::id, std::thread> threads_;
  std::vector<std::thread> ended_;  ///< To be joined.
  std::size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace slipway::web
