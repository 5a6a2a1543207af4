// Where in each hierarchy our cgroups live, and what that allows.
#include "sandbox/limits/base.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/files.h"
#include "base/text.h"
#include "sandbox/limits/v2/delegation.h"

namespace slipway::sandbox::limits {
namespace {

// False on a read-only mount, too: access(2) then says EROFS.
bool writable(const std::string& path) {
  return ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0;
}

// From our own group up to, and without, the root: the root has no limits.
bool limited_below_root(const Hierarchy& hierarchy, const Controller& controller) {
  for (std::string at = hierarchy.own; at.size() > hierarchy.mount.size();
       at.resize(at.rfind('/'))) {
    const auto group = GroupDir::open(at);
    if (group && controller.limited(*group)) return true;
  }
  return false;
}

std::string not_enforced(const Controller& controller, const std::string& reason) {
  return std::string(controller.resource) + " are not enforced: " + reason;
}

// v1: each controller by itself; controllers mounted together share a base.
void choose_v1(const Hierarchies& found, Bases& bases) {
  for (const Controller& controller : v1_controllers()) {
    const auto at = found.v1.find(controller.name);
    if (at == found.v1.end()) continue;
    const Hierarchy& hierarchy = at->second;
    const bool stay_inside =
        !writable(hierarchy.mount) || limited_below_root(hierarchy, controller);
    const std::string& parent = stay_inside ? hierarchy.own : hierarchy.mount;
    if (!writable(parent)) {
      if (!controller.rare)
        bases.notices.push_back(not_enforced(controller, parent + " is not writable"));
      continue;
    }
    const auto same = std::find_if(bases.all.begin(), bases.all.end(),
                                   [&](const Base& base) { return base.parent == parent; });
    if (same != bases.all.end()) {
      same->controllers.push_back(&controller);
    } else {
      bases.all.push_back({parent, {&controller}, false});
    }
  }
}

std::vector<const Controller*> available_v2(const Hierarchies& found, const std::string& parent) {
  const auto text = read_file(parent + "/cgroup.controllers", 4_KiB);
  std::vector<const Controller*> available;
  if (!text) return available;
  const auto names = split(trim(*text), ' ');
  for (const Controller& controller : v2_controllers()) {
    if (found.v1.count(controller.name) > 0) continue;
    if (std::find(names.begin(), names.end(), controller.name) != names.end()) {
      available.push_back(&controller);
    }
  }
  return available;
}

// An engine that runs already moved this process into a leaf below its base; containers go beside that leaf, not
// into it.
std::string outside_own_leaf(const std::string& own) {
  constexpr std::string_view kMark = kLeafMark;
  const std::size_t leaf = own.rfind(kMark);
  const bool inside = leaf != own.npos && own.find('/', leaf + kMark.size()) == own.npos;
  return inside ? own.substr(0, leaf) : own;
}

// v2: the first place, in order of preference, that can be prepared.
void choose_v2(const Hierarchies& found, Bases& bases) {
  const Hierarchy& tree = *found.unified;
  const auto all = v2_controllers();
  const bool limited = std::any_of(all.begin(), all.end(), [&](const Controller& controller) {
    return limited_below_root(tree, controller);
  });
  std::vector<std::string> parents;
  if (limited || !writable(tree.mount)) parents.push_back(outside_own_leaf(tree.own));
  if (writable(tree.mount) || parents.empty()) parents.push_back(tree.mount);
  for (const std::string& parent : parents) {
    if (!writable(parent) || !writable(parent + "/cgroup.procs")) {
      std::string notice = parent + " is not ours to write";
      if (::geteuid() != 0 && found.v1.empty()) notice.append("; ").append(kDelegationHint);
      bases.notices.push_back(std::move(notice));
      continue;
    }
    const Base base{parent, available_v2(found, parent), true};
    const auto ready = base.controllers.empty() ? Status{} : prepare_base(base);
    if (ready) {
      bases.all.insert(bases.all.begin(), base);
      return;
    }
    bases.notices.push_back(ready.error().text());
  }
}

}  // namespace

Bases choose_bases(const Hierarchies& found) {
  Bases bases;
  choose_v1(found, bases);
  if (found.unified) choose_v2(found, bases);
  for (const Controller& controller : v2_controllers()) {
    if (controller.rare) continue;
    const bool there = std::any_of(bases.all.begin(), bases.all.end(), [&](const Base& base) {
      return std::any_of(
          base.controllers.begin(), base.controllers.end(),
          [&](const Controller* c) { return std::string_view(c->name) == controller.name; });
    });
    const bool v1 = found.v1.count(controller.name) > 0;  // Then the reason was given above.
    if (!there && !v1) {
      bases.notices.push_back(not_enforced(
          controller, std::string("no ") + controller.name + " cgroup controller within reach"));
    }
  }
  return bases;
}

Status prepare_base(const Base& base) {
  const std::string path = base.path();
  for (int tries = 1;; ++tries) {
    if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST)
      return fail_errno("make cgroup " + path);
    if (!base.unified || base.controllers.empty()) return {};
    auto handed = hand_down_controllers(base);
    const bool vanished = !handed && handed.error().code() == ErrorCode::kNotFound;
    if (!vanished || tries == kVanishTries) return handed;
  }
}

}  // namespace slipway::sandbox::limits
