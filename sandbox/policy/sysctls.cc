// Kernel settings of a container: only those that belong to one of its own namespaces.
#include <algorithm>

#include "base/text.h"
#include "sandbox/policy/confinement.h"

namespace slipway::sandbox {
namespace {

enum class Owner { kNetwork, kIpc, kUts };
struct Known {
  const char* name;  // Ending in a dot: all below.
  Owner owner;
};
// Spec: namespaces(7), ipc_namespaces(7), network_namespaces(7); docker's list.
constexpr Known kKnown[] = {
    {"net.", Owner::kNetwork},
    {"kernel.shmmax", Owner::kIpc},
    {"kernel.shmall", Owner::kIpc},
    {"kernel.shmmni", Owner::kIpc},
    {"kernel.shm_rmid_forced", Owner::kIpc},
    {"kernel.msgmax", Owner::kIpc},
    {"kernel.msgmnb", Owner::kIpc},
    {"kernel.msgmni", Owner::kIpc},
    {"kernel.sem", Owner::kIpc},
    {"fs.mqueue.", Owner::kIpc},
    {"kernel.domainname", Owner::kUts},
};
constexpr std::size_t kMaxSysctls = 100;
constexpr std::size_t kMaxText = 1024;

const Known* find_known(std::string_view name) {
  for (const Known& known : kKnown) {
    const std::string_view word = known.name;
    if (word.back() == '.' ? name.size() > word.size() && name.rfind(word, 0) == 0 : name == word)
      return &known;
  }
  return nullptr;
}

bool well_formed(std::string_view name) {
  // A name becomes a path: no empty parts, so no "..", and nothing but what the kernel's own names are made of. Some
  // contain the name of an interface, which may have dashes; a slash in it stands for a dot, as in sysctl(8).
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  return !name.empty() && name.size() <= kMaxText && std::all_of(name.begin(), name.end(), plain) &&
         name.find("..") == name.npos && name.front() != '.' && name.back() != '.';
}

std::string reason_against(const ContainerSpec& spec, const Confinement& made, Owner owner) {
  if (owner == Owner::kNetwork && spec.network != Network::kNone)
    return "the container has no network namespace of its own";
  if (owner == Owner::kIpc && (made.host_ipc || spec.ipc_peer))
    return "the container has no ipc namespace of its own";
  if (owner == Owner::kUts && made.host_uts) return "the container has no uts namespace of its own";
  return "";
}

}  // namespace

Status confine_sysctls(const ContainerSpec& spec, Confinement& made) {
  if (spec.isolation.sysctls.size() > kMaxSysctls)
    return fail(ErrorCode::kInvalid, "set sysctls: more than 100");
  for (const auto& [name, value] : spec.isolation.sysctls) {
    const std::string doing = "set sysctl " + printable(name);
    if (!well_formed(name)) return fail(ErrorCode::kInvalid, doing + ": not a name");
    if (value.empty() || value.size() > kMaxText)
      return fail(ErrorCode::kInvalid, doing + ": want a value of 1 to 1024 bytes");
    const Known* known = find_known(name);
    if (known == nullptr) {
      return fail(ErrorCode::kUnsupported,
                  doing +
                      ": it belongs to the whole machine; only net.*, fs.mqueue.*, "
                      "kernel.shm*, kernel.msg* and kernel.sem are a container's own");
    }
    if (const std::string reason = reason_against(spec, made, known->owner); !reason.empty())
      return fail(ErrorCode::kInvalid, doing + ": " + reason);
    std::string path = "sys/" + name;
    std::replace(path.begin(), path.end(), '.', '/');
    made.sysctls.push_back({std::move(path), value});
  }
  return {};
}

}  // namespace slipway::sandbox
