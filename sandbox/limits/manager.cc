// CgroupManager: the machine's bases, new groups, and the groups that dead processes left.
#include <fcntl.h>
#include <unistd.h>

#include <set>

#include "base/files.h"
#include "sandbox/limits/cgroup.h"
#include "sandbox/limits/check.h"
#include "sandbox/limits/group.h"
#include "sandbox/limits/group_name.h"

namespace slipway::sandbox {
namespace {

using namespace limits;

Status check_name(const std::string& name) {
  const bool fits = !name.empty() && name.size() <= 64 &&
                    name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == name.npos;
  if (fits) return {};
  return fail(ErrorCode::kInvalid, "name cgroup \"" + name + "\": want 1 to 64 of a-z, 0-9 and -");
}

class Manager final : public CgroupManager {
 public:
  explicit Manager(Bases bases) : bases_(std::move(bases)) {}
  ~Manager() override {
    for (const Base& base : bases_.all) ::rmdir(base.path().c_str());
  }

  Result<std::unique_ptr<Cgroup>> create(const std::string& name, const Limits& limits,
                                         Counting counting, const DeviceRules* devices) override {
    SLIP_TRY(check_name(name));
    SLIP_TRY(check_limits(limits, Given::kAll));
    return make_group(bases_.all, name + "." + mark_, limits, counting, devices);
  }

  const std::vector<std::string>& notices() const override { return bases_.notices; }

  void reap_orphans() override {
    std::set<std::string> dead;
    for (const Base& base : bases_.all) {
      const Fd dir(::open(base.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (!dir) continue;
      const auto names = list_dir(dir.get(), base.path());
      if (!names) continue;
      for (const std::string& name : *names) {
        if (made_by_the_dead(name)) dead.insert(name);
      }
    }
    for (const std::string& name : dead) destroy_group(bases_.all, name);
  }

 private:
  const Bases bases_;
  const std::string mark_ = creator_mark();
};

}  // namespace

std::unique_ptr<CgroupManager> CgroupManager::open() {
  return std::make_unique<Manager>(choose_bases(find_hierarchies()));
}

}  // namespace slipway::sandbox
