// One container's cgroup over all hierarchies: entering, counting, killing, removing.
#include "sandbox/limits/group.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"
#include "sandbox/limits/check.h"

namespace slipway::sandbox::limits {
namespace {

using std::chrono::milliseconds;

// After SIGKILL a member can stay for as long as its last system call or the freeing of its memory
// takes; a member that is stuck for longer (a dead network mount) is left to reap_orphans of a
// later run.
constexpr milliseconds kRemovePatience{2000};
// Without cgroup.kill: each round kills all members seen; forks in between need another round.
constexpr int kKillRounds = 50;

struct Part {
  GroupDir dir;
  std::vector<const Controller*> controllers;
  bool unified;

  bool has(std::string_view controller) const {
    return std::any_of(controllers.begin(), controllers.end(),
                       [&](const Controller* c) { return c->name == controller; });
  }
};

void kill_parts(const std::vector<Part>& parts) {
  for (const Part& part : parts) {
    if (part.unified && part.dir.write("cgroup.kill", "1")) return;  // Linux 5.14
  }
  for (const Part& part : parts) {
    if (part.has("pids")) (void)part.dir.write("pids.max", "0");
  }
  for (int round = 0; round < kKillRounds; ++round) {
    bool any = false;
    for (const Part& part : parts) {
      if (members(part.dir).empty()) continue;
      any = true;
      kill_members(part.dir);
    }
    if (!any) return;
  }
}

// Most often everything is dead already and removal is all there is to do; only a refusal asks for
// killing.
void destroy_parts(const std::vector<Part>& parts) {
  bool gone = true;
  for (const Part& part : parts) gone = remove_group(part.dir.path(), milliseconds{0}) && gone;
  if (gone) return;
  kill_parts(parts);
  for (const Part& part : parts) (void)remove_group(part.dir.path(), kRemovePatience);
}

// What a group of this process wants in one hierarchy.
std::vector<const Controller*> wanted_of(const Base& base, const Limits& limits,
                                         Counting counting) {
  std::vector<const Controller*> wanted;
  for (const Controller* controller : base.controllers) {
    if (controller->wanted(limits) || (counting == Counting::kAll && controller->counts))
      wanted.push_back(controller);
  }
  return wanted;
}

// Limits that no hierarchy of this machine has a controller for, one sentence each.
std::vector<std::string> missing_of(const std::vector<Base>& bases, const Limits& limits) {
  std::vector<std::string> missing;
  for (const Controller& controller : v2_controllers()) {
    if (!controller.rare || !controller.wanted(limits)) continue;
    bool found = false;
    for (const Base& base : bases) {
      for (const Controller* one : base.controllers)
        found = found || std::string_view(one->resource) == controller.resource;
    }
    if (!found)
      missing.push_back(std::string(controller.resource) +
                        " are not enforced: no controller within reach");
  }
  return missing;
}

class Group final : public Cgroup {
 public:
  Group(const std::vector<Base>& bases, std::string directory)
      : bases_(bases), directory_(std::move(directory)) {}
  ~Group() override {
    if (frozen_) (void)thaw();  // Frozen members of v1 do not die.
    destroy_parts(parts_);
  }

  int clone_fd() const override {
    const Part* part = unified();
    return part != nullptr ? part->dir.fd() : -1;
  }
  const std::vector<int>& procs_fds() const override { return tasks_; }
  const std::vector<std::string>& warnings() const override { return warnings_; }

  Status add(int pid) override {
    for (const Part& part : parts_) SLIP_TRY(part.dir.write("cgroup.procs", std::to_string(pid)));
    return {};
  }

  CgroupUsage usage() const override {
    CgroupUsage usage;
    for (const Part& part : parts_) {
      if (part.unified) {
        usage.cpu_user =
            std::chrono::microseconds(part.dir.field("cpu.stat", "user_usec").value_or(0));
        usage.cpu_system =
            std::chrono::microseconds(part.dir.field("cpu.stat", "system_usec").value_or(0));
      }
      for (const Controller* controller : part.controllers) controller->report(part.dir, usage);
    }
    return usage;
  }

  ResourceUsage count() const override;
  std::vector<int> processes() const override {
    const Part* part = unified();
    if (part == nullptr && !parts_.empty()) part = &parts_.front();
    return part != nullptr ? members(part->dir) : std::vector<int>{};
  }
  Status update(const Limits& limits) override;
  Status freeze() override;
  Status thaw() override;
  void kill_all() override {
    kill_parts(parts_);
    if (frozen_) (void)thaw();
  }

  Status make_part(const Base& base, const Limits& limits, Counting counting);
  Status make_parts(const Limits& limits, Counting counting);
  Status restrict_devices(const DeviceRules& rules);

 private:
  const Part* unified() const {
    for (const Part& part : parts_) {
      if (part.unified) return &part;
    }
    return nullptr;
  }
  Part* part_of(const Base& base);
  Status add_part(const Base& base, std::vector<const Controller*> controllers,
                  const Limits& limits);
  Status move_members(const Part& part);
  Result<const Part*> freezer_part();
  Result<const Part*> rare_part(std::string_view controller);

  const std::vector<Base>& bases_;
  const std::string directory_;
  std::vector<Part> parts_;
  std::vector<Fd> tasks_owner_;
  std::vector<int> tasks_;
  std::vector<std::string> warnings_;
  bool frozen_ = false;
};

Part* Group::part_of(const Base& base) {
  for (Part& part : parts_) {
    if (part.dir.path() == base.path() + "/" + directory_) return &part;
  }
  return nullptr;
}

Status Group::add_part(const Base& base, std::vector<const Controller*> controllers,
                       const Limits& limits) {
  auto dir = GroupDir::make(base.path(), directory_);
  if (!dir) return fail(std::move(dir).error());
  parts_.push_back({std::move(*dir), std::move(controllers), base.unified});
  const Part& part = parts_.back();
  for (const Controller* controller : part.controllers) {
    auto applied = controller->apply(part.dir, limits);
    if (applied) continue;
    (void)remove_group(part.dir.path(), milliseconds{0});
    parts_.pop_back();
    return applied;
  }
  if (base.unified) return {};
  Fd tasks = SLIP_TRY(part.dir.open_file("tasks", O_WRONLY));
  tasks_.push_back(tasks.get());
  tasks_owner_.push_back(std::move(tasks));
  return {};
}

Status Group::make_part(const Base& base, const Limits& limits, Counting counting) {
  std::vector<const Controller*> wanted = wanted_of(base, limits, counting);
  if (wanted.empty() && !base.unified) return {};
  return add_part(base, std::move(wanted), limits);
}

Status Group::make_parts(const Limits& limits, Counting counting) {
  warnings_ = missing_of(bases_, limits);
  for (const Base& base : bases_) {
    auto made = make_part(base, limits, counting);
    for (int tries = 1;
         !made && made.error().code() == ErrorCode::kNotFound && tries < kVanishTries; ++tries) {
      SLIP_TRY(prepare_base(base));
      made = make_part(base, limits, counting);
    }
    SLIP_TRY(std::move(made));
  }
  return {};
}

// Members that fork meanwhile leave children behind, which the next round finds.
Status Group::move_members(const Part& part) {
  constexpr int kRounds = 20;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<int> left = processes();
    const std::vector<int> there = members(part.dir);
    std::erase_if(
        left, [&](int pid) { return std::find(there.begin(), there.end(), pid) != there.end(); });
    if (left.empty()) return {};
    // One that ended in between says ESRCH.
    for (const int pid : left) (void)part.dir.write("cgroup.procs", std::to_string(pid));
  }
  return fail(ErrorCode::kUnavailable, "move processes to " + part.dir.path() +
                                           ": new ones appear faster than they are moved");
}

Status Group::update(const Limits& limits) {
  SLIP_TRY(check_limits(limits, Given::kChanges));
  if (const auto missing = missing_of(bases_, limits); !missing.empty())
    return fail(ErrorCode::kUnsupported, "update limits: " + missing.front());
  for (const Base& base : bases_) {
    std::vector<const Controller*> wanted = wanted_of(base, limits, Counting::kWhatIsLimited);
    if (wanted.empty()) continue;
    Part* part = part_of(base);
    if (part == nullptr) {
      SLIP_TRY(prepare_base(base));
      SLIP_TRY(add_part(base, std::move(wanted), limits));
      SLIP_TRY(move_members(parts_.back()));
      continue;
    }
    for (const Controller* controller : wanted) {
      SLIP_TRY(controller->apply(part->dir, limits));
      if (!part->has(controller->name)) part->controllers.push_back(controller);
    }
  }
  return {};
}

ResourceUsage Group::count() const {
  using std::chrono::microseconds;
  ResourceUsage usage;
  if (const Part* part = unified(); part != nullptr) {
    const auto field = [&](const char* name) -> std::optional<std::chrono::nanoseconds> {
      const auto value = part->dir.field("cpu.stat", name);
      if (!value) return std::nullopt;
      return microseconds(*value);
    };
    usage.cpu_total = field("usage_usec");
    usage.cpu_user = field("user_usec");
    usage.cpu_system = field("system_usec");
  }
  for (const Part& part : parts_) {
    for (const Controller* controller : part.controllers) controller->count(part.dir, usage);
  }
  return usage;
}

// cgroup.freeze is there in every group of the unified tree since Linux 5.2.
Result<const Part*> Group::freezer_part() {
  const Part* tree = unified();
  if (tree != nullptr && tree->dir.open_file("cgroup.freeze", O_WRONLY)) return tree;
  const Part* part = SLIP_TRY(rare_part("freezer"));
  if (part != nullptr) return part;
  return fail(ErrorCode::kUnsupported,
              "pause: neither a unified cgroup tree nor a freezer controller within reach");
}

// The part with a controller of v1 that is not made before somebody needs it; null where the machine has none.
Result<const Part*> Group::rare_part(std::string_view name) {
  for (const Base& base : bases_) {
    for (const Controller* controller : base.controllers) {
      if (controller->name != name) continue;
      if (const Part* part = part_of(base)) return part;
      SLIP_TRY(prepare_base(base));
      SLIP_TRY(add_part(base, {controller}, Limits{}));
      SLIP_TRY(move_members(parts_.back()));
      return &parts_.back();
    }
  }
  return nullptr;
}

// A program on the unified tree is quicker than a group in one more hierarchy, and all there is on pure v2.
Status Group::restrict_devices(const DeviceRules& rules) {
  Status attached = fail(ErrorCode::kUnsupported, "no unified cgroup tree within reach");
  if (const Part* tree = unified()) attached = attach_device_program(tree->dir, rules);
  if (attached) return {};
  const Part* part = SLIP_TRY(rare_part("devices"));
  if (part != nullptr) return write_device_rules(part->dir, rules);
  warnings_.push_back("device rules are not enforced: " + attached.error().text());
  return {};
}

bool is_frozen(const Part& part) {
  if (part.unified) return part.dir.field("cgroup.events", "frozen").value_or(0) == 1;
  const auto state = part.dir.read("freezer.state");
  return state && state->rfind("FROZEN", 0) == 0;
}

Status Group::freeze() {
  const Part* part = SLIP_TRY(freezer_part());
  const auto freeze_now = [&] {
    return part->unified ? part->dir.write("cgroup.freeze", "1")
                         : part->dir.write("freezer.state", "FROZEN");
  };
  SLIP_TRY(freeze_now());
  frozen_ = true;
  // Most are there at once; one in an uninterruptible call follows when it returns. v1 needs to be told again.
  const auto deadline = std::chrono::steady_clock::now() + kRemovePatience;
  for (long pause_us = 50; !is_frozen(*part); pause_us = std::min(pause_us * 2, 10'000L)) {
    if (std::chrono::steady_clock::now() >= deadline) {
      (void)thaw();
      return fail(ErrorCode::kUnavailable, "pause: a process does not stop");
    }
    const timespec pause{0, pause_us * 1000};
    ::nanosleep(&pause, nullptr);
    if (!part->unified) SLIP_TRY(freeze_now());
  }
  return {};
}

Status Group::thaw() {
  const Part* part = SLIP_TRY(freezer_part());
  frozen_ = false;
  return part->unified ? part->dir.write("cgroup.freeze", "0")
                       : part->dir.write("freezer.state", "THAWED");
}

}  // namespace

Result<std::unique_ptr<Cgroup>> make_group(const std::vector<Base>& bases,
                                           const std::string& directory, const Limits& limits,
                                           Counting counting, const DeviceRules* devices) {
  auto group = std::make_unique<Group>(bases, directory);
  SLIP_TRY(group->make_parts(limits, counting));
  if (devices != nullptr) SLIP_TRY(group->restrict_devices(*devices));
  return group;
}

void destroy_group(const std::vector<Base>& bases, const std::string& directory) {
  std::vector<Part> parts;
  for (const Base& base : bases) {
    auto dir = GroupDir::open(base.path() + "/" + directory);
    if (dir) parts.push_back({std::move(*dir), base.controllers, base.unified});
  }
  destroy_parts(parts);
}

}  // namespace slipway::sandbox::limits
