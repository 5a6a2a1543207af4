// Finding and burying containers whose monitor was killed.
#include "sandbox/containers/dead.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/files.h"
#include "sandbox/containers/changes.h"
#include "sandbox/containers/events.h"
#include "sandbox/containers/restart.h"
#include "sandbox/limits/cgroup.h"

namespace slipway::sandbox {
namespace {

constexpr int kKilled = 137;

void record_death(const Layout& layout, const Record& record, StateRecord& state) {
  state.state.status = ContainerStatus::kExited;
  state.state.pid = 0;
  state.state.exit_code = kKilled;
  state.state.error = "its monitor died";
  state.state.finished = std::chrono::system_clock::now();
  state.endpoints.clear();
  state.ports.clear();
  EventLog(layout.state())
      .append(container_event(record, "die", {{"exitCode", std::to_string(kKilled)}}));
}

}  // namespace

bool claims_process(const StateRecord& state) {
  return state.state.status == ContainerStatus::kRunning ||
         state.state.status == ContainerStatus::kPaused ||
         state.state.status == ContainerStatus::kRestarting;
}

std::vector<std::string> find_dead(const Layout& layout) {
  std::vector<std::string> dead;
  const std::string marks = layout.root() + "/.running";
  const auto directory = open_file(marks, O_RDONLY | O_DIRECTORY);
  if (!directory) return dead;
  const auto ids = list_dir(directory->get(), marks);
  if (!ids) return dead;
  for (const std::string& id : *ids) {
    const auto container = open_file(layout.of(id), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!container)
      ::unlinkat(directory->get(), id.c_str(), 0);
    else if (!is_held(container->get()))
      dead.push_back(id);
  }
  return dead;
}

Result<Burial> bury(const Layout& layout, const Claim& claim, const std::string& id) {
  if (!path_exists(layout.running(id))) return Burial::kNothing;
  Record record;
  record.id = id;
  if (auto read = read_record(claim.directory.get())) record = *std::move(read);
  auto known = read_state(claim.directory.get());
  StateRecord state = known ? *std::move(known) : StateRecord();
  const bool spoilt = !known;  // By a power cut: all but lost.
  reap_cgroups();
  const bool again = (spoilt || claims_process(state)) && !record.config.auto_remove &&
                     restarts_after_crash(record.config.restart, state.stopped_by_hand);
  const bool between_runs = state.state.status == ContainerStatus::kRestarting;
  if (spoilt || (claims_process(state) && !between_runs)) record_death(layout, record, state);
  if (between_runs) state.state.status = ContainerStatus::kExited;
  if (again) state.state.status = ContainerStatus::kRestarting;
  SLIP_TRY(write_state(claim.directory.get(), state));
  if (again) return Burial::kRestart;  // The mark stays until the next monitor has it.
  if (record.config.auto_remove) {
    SLIP_TRY(release_volumes(layout, record, Anonymous::kGo));
    SLIP_TRY(unlist_container(layout, record));
    remove_files(layout, record.id);
    EventLog(layout.state()).append(container_event(record, "destroy"));
    return Burial::kRemoved;
  }
  // Last of all: whoever is killed in here leaves the mark, and the next one does it again.
  ::unlink(layout.running(id).c_str());
  return Burial::kStopped;
}

void reap_cgroups() { CgroupManager::open()->reap_orphans(); }

}  // namespace slipway::sandbox
