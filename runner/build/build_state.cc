// What the threads of one build share.
#include "runner/build/build_state.h"

namespace slipway::runner {

StepsInFlight::Turn::~Turn() {
  {
    const std::lock_guard lock(flights_.mutex_);
    flights_.keys_.erase(key_);
  }
  flights_.left_.notify_all();
}

std::unique_ptr<StepsInFlight::Turn> StepsInFlight::enter(const Digest& key) {
  std::unique_lock lock(mutex_);
  left_.wait(lock, [&] { return keys_.find(key) == keys_.end(); });
  keys_.insert(key);
  return std::make_unique<Turn>(*this, key);
}

const std::string* BuildState::secret(const std::string& name) const {
  for (const BuildSecret& one : request.secrets) {
    if (one.id == name) return &one.value;
  }
  return nullptr;
}

void BuildState::fail_with(BuildTrouble what) {
  trouble.with([&](std::optional<BuildTrouble>& first) {
    const bool echo = what.error.code() == ErrorCode::kCancelled;
    if (!first || (!echo && first->error.code() == ErrorCode::kCancelled)) first = std::move(what);
  });
  cancel.cancel(CancelLevel::kKill);
}

Status BuildState::keep(const std::string& snapshot) {
  cachestore::Lease lease = SLIP_TRY(place.store.lease({snapshot}));
  leases.with([&](auto& all) { all.push_back(std::move(lease)); });
  return {};
}

Result<std::shared_ptr<BuildContext>> BuildState::named_context(const std::string& name) {
  const std::string* value = nullptr;
  for (const auto& [known, text] : request.named_contexts) {
    if (known == name) value = &text;
  }
  if (value == nullptr)
    return fail(ErrorCode::kNotFound, "find build context " + name + ": it was not given");
  // Opened under the lock: two stages that want the same one shall not fetch it twice.
  return named_contexts.with([&](auto& contexts) -> Result<std::shared_ptr<BuildContext>> {
    std::shared_ptr<BuildContext>& opened = contexts[name];
    if (opened == nullptr) {
      opened = std::make_shared<BuildContext>(
          SLIP_TRY_WITHIN("build context " + name,
                          open_named_context(place.store, *value, place.state_dir, cancel)));
    }
    return opened;
  });
}

}  // namespace slipway::runner
