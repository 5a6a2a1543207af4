#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "base/cancel.h"
#include "runner/logs/event.h"

namespace slipway::runner {

/// Whoever started the run, when there is a terminal to ask at. Thread-safe: one question at a time.
class Person {
 public:
  enum class Asks { kNo, kYes };
  Person(EventStream& events, Asks asks) : events_(events), asks_(asks) {}
  /// y and yes are true, everything else false; nothing when nobody can be asked, or `cancel` came first.
  std::optional<bool> confirm(const std::string& question, const CancelToken& cancel);

 private:
  EventStream& events_;
  const Asks asks_;
  std::mutex mutex_;
};

/// Whether standard input and error are a terminal.
Person::Asks person_is_here();

}  // namespace slipway::runner
