// The growing list of launch operations and the strings they point to; knows nothing of what they do.
#include "sandbox/launch/plan.h"

#include <fcntl.h>

#include <string>

#include "base/error.h"
#include "base/result.h"

namespace slipway::sandbox {
namespace {

constexpr int kFirstHighDescriptor = 10;
constexpr std::size_t kUsualOperations = 160;  // Avoids regrowth; a container takes about 110.

}  // namespace

Plan::Plan() {
  operations_.reserve(kUsualOperations);
  labels_.reserve(kUsualOperations);
  for (int& descriptor : table_.descriptors) descriptor = -1;
}

Operation& Plan::add(OpCode code, std::string label) {
  labels_.push_back(std::move(label));
  Operation& operation = operations_.emplace_back();
  operation.code = code;
  return operation;
}

const char* Plan::text(std::string value) { return texts_.emplace_back(std::move(value)).c_str(); }

const FsOption* Plan::options(const std::vector<std::pair<std::string, std::string>>& list) {
  std::vector<FsOption>& made = options_.emplace_back();
  for (const auto& [name, value] : list) {
    made.push_back({text(name), value.empty() ? nullptr : text(value)});
  }
  made.push_back({});
  return made.data();
}

char* const* Plan::vector(const std::vector<std::string>& values) {
  std::vector<char*>& made = vectors_.emplace_back();
  made.reserve(values.size() + 1);
  for (const std::string& value : values) made.push_back(const_cast<char*>(text(value)));
  made.push_back(nullptr);
  return made.data();
}

void Plan::own(std::int16_t place, Fd fd) {
  set(place, fd.get());
  owned_.push_back(std::move(fd));
}

Status Plan::own_high(std::int16_t place, int borrowed) {
  Fd copy(::fcntl(borrowed, F_DUPFD_CLOEXEC, kFirstHighDescriptor));
  if (!copy) return fail_errno("duplicate descriptor " + std::to_string(borrowed));
  own(place, std::move(copy));
  return {};
}

LaunchTable& Plan::seal(char* command_stack, std::size_t command_stack_size) {
  table_.operations = operations_.data();
  table_.count = operations_.size();
  table_.command_begin = command_begin_;
  table_.command_stack = command_stack;
  table_.command_stack_size = command_stack_size;
  return table_;
}

std::string Plan::describe(const LaunchFailure& failure) const {
  const std::size_t index = failure.operation;
  const std::string label = index < labels_.size() ? labels_[index] : "start container";
  return errno_error(failure.error, label).text() + " (step " + std::to_string(index + 1) + " of " +
         std::to_string(operations_.size()) + ")";
}

const Operation* Plan::failed_operation(const LaunchFailure& failure) const {
  return failure.operation < operations_.size() ? &operations_[failure.operation] : nullptr;
}

}  // namespace slipway::sandbox
