// The growing list of launch operations and the memory they point to; knows nothing of what they do.
#include "sandbox/launch/plan.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <new>

#include "base/error.h"
#include "sandbox/launch/init_image.h"

namespace slipway::sandbox {
namespace {

constexpr int kFirstHighDescriptor = 10;
constexpr std::size_t kUsualOperations = 160;  // Avoids regrowth; a container takes about 110.
// Address space, of which only what is written is ever memory. execve(2) takes a few MiB of arguments at most; the
// rest is for files whose content comes with the spec.
constexpr std::size_t kCapacity = std::size_t{64} << 20;

}  // namespace

Result<std::unique_ptr<Plan>> Plan::make() {
  std::unique_ptr<Plan> plan(new Plan);
  plan->memory_ = Fd(::memfd_create("slipway-plan", MFD_CLOEXEC));
  if (!plan->memory_ || ::ftruncate(plan->memory_.get(), kCapacity) != 0)
    return fail_errno("allocate launch plan");
  void* memory = ::mmap(nullptr, kCapacity, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                        plan->memory_.get(), 0);
  if (memory == MAP_FAILED) return fail_errno("map launch plan");
  plan->base_ = static_cast<char*>(memory);
  plan->table_ = new (memory) LaunchTable;
  plan->used_ = sizeof(LaunchTable);
  plan->operations_.reserve(kUsualOperations);
  plan->labels_.reserve(kUsualOperations);
  for (int& descriptor : plan->table_->descriptors) descriptor = -1;
  SLIP_TRY(plan->own_high(kPlan, plan->memory_.get()));
  return plan;
}

Plan::~Plan() {
  if (base_ != nullptr) ::munmap(base_, kCapacity);
}

void* Plan::copy(const void* data, std::size_t size, std::size_t alignment) {
  const std::size_t begin = (used_ + alignment - 1) / alignment * alignment;
  if (size > kCapacity || begin > kCapacity - size) {
    overflowed_ = true;
    return base_;
  }
  used_ = begin + size;
  if (size > 0) std::memcpy(base_ + begin, data, size);
  return base_ + begin;
}

Operation& Plan::add(OpCode code, std::string label) {
  labels_.push_back(std::move(label));
  Operation& operation = operations_.emplace_back();
  operation.code = code;
  return operation;
}

Status Plan::begin_image() {
  const int image = SLIP_TRY(init_image());
  SLIP_TRY(own_high(kInitImage, image));
  char* const* argv = vector({"init", std::to_string(table_->descriptors[kPlan])});
  add(OpCode::kExecImage, "run init").data = argv;
  resume_ = operations_.size();
  return {};
}

const char* Plan::text(std::string_view value) {
  auto* made = static_cast<char*>(copy(value.data(), value.size(), 1));
  (void)copy("", 1, 1);
  return made;
}

const FsOption* Plan::options(const std::vector<std::pair<std::string, std::string>>& list) {
  std::vector<FsOption> made;
  for (const auto& [name, value] : list) {
    made.push_back({text(name), value.empty() ? nullptr : text(value)});
  }
  made.push_back({});
  return values(made.data(), made.size());
}

char* const* Plan::vector(const std::vector<std::string>& list) {
  std::vector<char*> made;
  made.reserve(list.size() + 1);
  for (const std::string& value : list) made.push_back(const_cast<char*>(text(value)));
  made.push_back(nullptr);
  return values(made.data(), made.size());
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

// Builders point to constants of this program as well, which are nowhere else.
void Plan::bring_in(Operation& operation, const char* empty) {
  const auto outside = [this](const void* place) {
    const auto* byte = static_cast<const char*>(place);
    return byte != nullptr && (byte < base_ || byte >= base_ + kCapacity);
  };
  if (operation.path[0] == '\0') {
    operation.path = empty;
  } else if (outside(operation.path)) {
    operation.path = text(operation.path);
  }
  if (!outside(operation.data)) return;
  operation.data = operation.code == OpCode::kMakeLink
                       ? text(static_cast<const char*>(operation.data))
                       : copy(operation.data, operation.size, 8);
}

Result<LaunchTable*> Plan::seal() {
  const char* empty = text("");
  for (Operation& operation : operations_) bring_in(operation, empty);
  table_->operations = values(operations_.data(), operations_.size());
  table_->count = operations_.size();
  table_->resume = resume_;
  if (overflowed_)
    return fail(ErrorCode::kExhausted, "start process: more than 64 MiB of arguments and files");
  table_->address = table_;
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  table_->size = (used_ + page - 1) / page * page;
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
