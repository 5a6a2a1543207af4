#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <thread>
#include <vector>

#include "base/guarded.h"
#include "base/result.h"

namespace slipway::runner {

/// Threads for many small pieces of file work. They are started as pieces come; when more wait than kWaiting, whoever
/// adds does one itself, so what the pieces hold (open directories) stays bounded. After a piece failed the rest is
/// dropped.
class Crew {
 public:
  Crew() = default;
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  void add(std::function<Status()> piece);
  bool failed() const;
  /// Waits for all; the first failure. Afterwards more may be added.
  Status finish();

 private:
  static constexpr std::size_t kWaiting = 8;
  struct State {
    std::deque<std::function<Status()>> waiting;
    std::size_t running = 0;
    bool closed = false;
    std::optional<Error> error;
  };
  void work();
  bool run_one();

  Guarded<State> state_;
  std::vector<std::thread> threads_;
};

}  // namespace slipway::runner
