#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "sandbox/launch/child/operation.h"

namespace slipway::sandbox {

/// The operations of one launch with all the memory they point to. Grows while it is built, then stays put until both
/// processes of the container have run exec.
class Plan {
 public:
  Plan();
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  /// Appends; fill in the returned operation before the next call. `label` reads `verb object`, for messages.
  Operation& add(OpCode code, std::string label);
  /// Operations added from now on are the command's.
  void begin_command() { command_begin_ = operations_.size(); }

  /// Copies that live as long as the plan.
  const char* text(std::string value);
  const FsOption* options(const std::vector<std::pair<std::string, std::string>>& list);
  char* const* vector(const std::vector<std::string>& values);
  template <typename T>
  const T* values(const std::vector<T>& list) {
    const auto bytes =
        std::string(reinterpret_cast<const char*>(list.data()), list.size() * sizeof(T));
    return reinterpret_cast<const T*>(text(bytes));
  }

  void set(std::int16_t place, int descriptor) { table_.descriptors[place] = descriptor; }
  /// Hands `fd` to the plan: open until the launch is over.
  void own(std::int16_t place, Fd fd);
  /// The same under a number of at least 10: below are the goals of kMoveDescriptor.
  Status own_high(std::int16_t place, int borrowed);

  LaunchTable& seal(char* command_stack, std::size_t command_stack_size);
  /// "mount proc: operation not permitted (step 4 of 61)"
  std::string describe(const LaunchFailure& failure) const;
  const Operation* failed_operation(const LaunchFailure& failure) const;
  void release_descriptors() { owned_.clear(); }

 private:
  std::vector<Operation> operations_;
  std::vector<std::string> labels_;
  std::deque<std::string> texts_;
  std::deque<std::vector<FsOption>> options_;
  std::deque<std::vector<char*>> vectors_;
  std::vector<Fd> owned_;
  std::size_t command_begin_ = 0;
  LaunchTable table_;
};

}  // namespace slipway::sandbox
