#pragma once

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "base/cancel.h"
#include "base/guarded.h"
#include "base/result.h"

namespace slipway::cachestore {

/// Runs jobs on a few threads; the first failure stops the others.
class Crew {
 public:
  Crew(std::size_t jobs, const CancelToken& stop) : jobs_(jobs), stop_(stop) {}

  /// `body(job)` for every job, each once; its threads have ended when this returns.
  template <typename F>
  Status run(int threads, const F& body) {
    std::vector<std::thread> crew;
    const auto count = std::min<std::size_t>(
        static_cast<std::size_t>(std::clamp(threads, 1, kMaxParallel)), jobs_);
    for (std::size_t i = 0; i < count; ++i) crew.emplace_back([&] { work(body); });
    for (std::thread& thread : crew) thread.join();
    return error_.with([](std::optional<Error>& error) -> Status {
      if (error) return fail(std::move(*error));
      return {};
    });
  }

 private:
  static constexpr int kMaxParallel = 16;

  template <typename F>
  void work(const F& body) {
    for (;;) {
      const std::size_t job = next_.fetch_add(1);
      if (job >= jobs_ || stop_.cancelled()) return;
      Status done = body(job);
      if (done) continue;
      // What the others say once they are stopped is no cause.
      error_.with([&](std::optional<Error>& error) {
        if (!error) error = std::move(done).error();
      });
      stop_.cancel(CancelLevel::kTerminate);
      return;
    }
  }

  std::size_t jobs_;
  CancelToken stop_;
  std::atomic<std::size_t> next_ = 0;
  Guarded<std::optional<Error>> error_;
};

}  // namespace slipway::cachestore
