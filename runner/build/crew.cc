// A few threads and a short queue.
#include "runner/build/crew.h"

#include <algorithm>

namespace slipway::runner {
namespace {

// Beyond that file systems' locks, not processors, are what is waited for.
std::size_t most_threads() { return std::clamp(std::thread::hardware_concurrency(), 1U, 8U); }

}  // namespace

Crew::~Crew() {
  state_.with([](State& state) {
    state.closed = true;
    state.waiting.clear();
  });
  state_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Crew::add(std::function<Status()> piece) {
  const bool full = state_.with([&](State& state) {
    if (!state.error) state.waiting.push_back(std::move(piece));
    return state.waiting.size() > kWaiting;
  });
  state_.notify_all();
  if (threads_.size() < most_threads()) {
    threads_.emplace_back([this] { work(); });
  } else if (full) {
    run_one();
  }
}

bool Crew::failed() const {
  return state_.with([](const State& state) { return state.error.has_value(); });
}

bool Crew::run_one() {
  std::function<Status()> piece = state_.with([](State& state) {
    if (state.waiting.empty()) return std::function<Status()>();
    std::function<Status()> next = std::move(state.waiting.front());
    state.waiting.pop_front();
    ++state.running;
    return next;
  });
  if (!piece) return false;
  Status status = piece();
  piece = nullptr;  // what it holds goes before anybody is told that it is done
  state_.with([&](State& state) {
    --state.running;
    if (status) return;
    if (!state.error) state.error = std::move(status).error();
    state.waiting.clear();
  });
  state_.notify_all();
  return true;
}

void Crew::work() {
  while (true) {
    const bool more =
        state_.wait([](const State& state) { return state.closed || !state.waiting.empty(); },
                    [](const State& state) { return !state.waiting.empty(); });
    if (!more) return;
    run_one();
  }
}

Status Crew::finish() {
  while (run_one()) {
  }
  return state_.wait([](const State& state) { return state.running == 0 && state.waiting.empty(); },
                     [](State& state) -> Status {
                       if (!state.error) return {};
                       Error error = *std::move(state.error);
                       state.error.reset();
                       return fail(std::move(error));
                     });
}

}  // namespace slipway::runner
