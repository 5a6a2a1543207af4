#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "sandbox/launch/child/operation.h"

namespace slipway::sandbox {

/// The operations of one launch with all the memory they point to. That memory is a memfd: the container's program maps
/// it at the same address and goes on with the list, so nothing need be packed, and no process in a container ever
/// shares memory with the engine for longer than the few operations before its first exec. It grows while it is built,
/// then stays put until all processes of the launch run their own program.
class Plan {
 public:
  static Result<std::unique_ptr<Plan>> make();
  ~Plan();
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  /// Appends; fill in the returned operation before the next call. `label` reads `verb object`, for messages.
  Operation& add(OpCode code, std::string label);
  std::size_t size() const { return operations_.size(); }
  /// For operations that name a later one: kSpawn's size.
  Operation& at(std::size_t index) { return operations_[index]; }
  /// Operations added from now on run in the program of init.cc: adds the exec.
  Status begin_image();

  /// Copies that live as long as the plan.
  const char* text(std::string_view value);
  const FsOption* options(const std::vector<std::pair<std::string, std::string>>& list);
  char* const* vector(const std::vector<std::string>& values);
  template <typename T>
  T* values(const T* data, std::size_t count) {
    return static_cast<T*>(copy(data, count * sizeof(T), alignof(T)));
  }

  void set(std::int16_t place, int descriptor) { table_->descriptors[place] = descriptor; }
  /// Hands `fd` to the plan: open until the launch is over.
  void own(std::int16_t place, Fd fd);
  /// The same under a number of at least 10: below are the goals of kMoveDescriptor.
  Status own_high(std::int16_t place, int borrowed);

  /// kExhausted when arguments and files were too many.
  Result<LaunchTable*> seal();
  /// "mount proc: operation not permitted (step 4 of 61)"
  std::string describe(const LaunchFailure& failure) const;
  const Operation* failed_operation(const LaunchFailure& failure) const;
  void release_descriptors() { owned_.clear(); }

 private:
  Plan() = default;
  void bring_in(Operation& operation, const char* empty);
  void* copy(const void* data, std::size_t size, std::size_t alignment);

  Fd memory_;
  char* base_ = nullptr;
  std::size_t used_ = 0;
  bool overflowed_ = false;
  LaunchTable* table_ = nullptr;
  std::size_t resume_ = 0;
  std::vector<Operation> operations_;
  std::vector<std::string> labels_;
  std::vector<Fd> owned_;
};

}  // namespace slipway::sandbox
