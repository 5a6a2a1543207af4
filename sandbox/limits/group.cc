// One container's cgroup over all hierarchies: entering, counting, killing, removing.
#include "sandbox/limits/group.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/files.h"

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

class Group final : public Cgroup {
 public:
  ~Group() override { destroy_parts(parts_); }

  int clone_fd() const override {
    for (const Part& part : parts_) {
      if (part.unified) return part.dir.fd();
    }
    return -1;
  }
  const std::vector<int>& procs_fds() const override { return tasks_; }

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

  void kill_all() override { kill_parts(parts_); }

  Status make_part(const Base& base, const std::string& directory, const Limits& limits) {
    std::vector<const Controller*> wanted;
    for (const Controller* controller : base.controllers) {
      if (controller->wanted(limits)) wanted.push_back(controller);
    }
    if (wanted.empty() && !base.unified) return {};
    auto dir = GroupDir::make(base.path(), directory);
    if (!dir) return fail(std::move(dir).error());
    parts_.push_back({std::move(*dir), std::move(wanted), base.unified});
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

 private:
  std::vector<Part> parts_;
  std::vector<Fd> tasks_owner_;
  std::vector<int> tasks_;
};

}  // namespace

Result<std::unique_ptr<Cgroup>> make_group(const std::vector<Base>& bases,
                                           const std::string& directory, const Limits& limits) {
  auto group = std::make_unique<Group>();
  for (const Base& base : bases) {
    auto made = group->make_part(base, directory, limits);
    for (int tries = 1;
         !made && made.error().code() == ErrorCode::kNotFound && tries < kVanishTries; ++tries) {
      SLIP_TRY(prepare_base(base));
      made = group->make_part(base, directory, limits);
    }
    SLIP_TRY(std::move(made));
  }
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
