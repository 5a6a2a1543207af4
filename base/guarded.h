#pragma once

#include <condition_variable>
#include <mutex>
#include <utility>

namespace slipway {

/// A value that can only be reached while its mutex is held. Write the lock order where you declare one
/// that is ever held together with another; never call out of your own code inside `with`.
///   Guarded<State> state_;   state_.with([&](State& s) { s.count++; });
template <typename T>
class Guarded {
 public:
  Guarded() = default;
  explicit Guarded(T value) : value_(std::move(value)) {}

  template <typename F>
  decltype(auto) with(F&& f) {
    std::lock_guard lock(mutex_);
    return std::forward<F>(f)(value_);
  }
  template <typename F>
  decltype(auto) with(F&& f) const {
    std::lock_guard lock(mutex_);
    return std::forward<F>(f)(value_);
  }
  /// Blocks until `ready(value)` is true, then runs `f(value)`; wakes on notify().
  template <typename Ready, typename F>
  decltype(auto) wait(Ready&& ready, F&& f) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ready(value_); });
    return std::forward<F>(f)(value_);
  }
  void notify_all() { changed_.notify_all(); }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  T value_{};
};

}  // namespace slipway
