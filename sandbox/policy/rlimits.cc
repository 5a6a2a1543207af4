// Resource limits of processes: docker's --ulimit names, the engine's defaults, and clamping to what this process may
// give.
#include <algorithm>

#include "base/text.h"
#include "sandbox/policy/confinement.h"

namespace slipway::sandbox {
namespace {

struct Name {
  const char* name;
  int resource;
};
// Spec: docker/go-units, ulimit.go.
constexpr Name kNames[] = {
    {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},         {"fsize", RLIMIT_FSIZE},
    {"locks", RLIMIT_LOCKS},       {"memlock", RLIMIT_MEMLOCK},
    {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},     {"nproc", RLIMIT_NPROC},
    {"rss", RLIMIT_RSS},           {"rtprio", RLIMIT_RTPRIO},
    {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
};

constexpr rlim64_t kSoftFiles = 1024;  // select(2) breaks beyond; programs raise it themselves.
constexpr rlim64_t kHardFiles = 1'048'576;  // docker's; the kernel's default nr_open.

rlim64_t value_of(std::int64_t given) {
  return given < 0 ? RLIM64_INFINITY : static_cast<rlim64_t>(given);
}

std::string show(rlim64_t value) {
  return value == RLIM64_INFINITY ? "unlimited" : std::to_string(value);
}

// Without CAP_SYS_RESOURCE over the machine a hard limit only goes down, so what is beyond our own is cut.
rlimit64 clamp(int resource, rlim64_t soft, rlim64_t hard) {
  rlimit64 own{};
  ::getrlimit64(static_cast<__rlimit_resource_t>(resource), &own);
  const rlim64_t bound = std::min(hard, own.rlim_max);
  return {std::min(soft, bound), bound};
}

void set(Confinement& made, const Name& name, const rlimit64& value) {
  const auto at = std::find_if(made.limits.begin(), made.limits.end(),
                               [&](const auto& one) { return one.resource == name.resource; });
  if (at != made.limits.end()) {
    at->value = value;
  } else {
    made.limits.push_back({name.resource, value, name.name});
  }
}

Result<Name> find_name(const std::string& given) {
  std::vector<std::string> known;
  for (const Name& name : kNames) {
    if (given == name.name) return name;
    known.emplace_back(name.name);
  }
  std::string text = "set limit \"" + printable(given) + "\": unknown name";
  if (const auto near = did_you_mean(given, known)) text += "; did you mean \"" + *near + "\"?";
  return fail(ErrorCode::kInvalid, std::move(text));
}

}  // namespace

Status confine_limits(const Isolation& isolation, Confinement& made) {
  set(made, {"nofile", RLIMIT_NOFILE}, clamp(RLIMIT_NOFILE, kSoftFiles, kHardFiles));
  set(made, {"core", RLIMIT_CORE}, clamp(RLIMIT_CORE, 0, RLIM64_INFINITY));
  for (const Isolation::Ulimit& wanted : isolation.ulimits) {
    const Name name = SLIP_TRY(find_name(wanted.name));
    const rlim64_t soft = value_of(wanted.soft);
    const rlim64_t hard = value_of(wanted.hard);
    if (soft > hard) {
      return fail(ErrorCode::kInvalid, "set limit " + wanted.name + ": soft limit " + show(soft) +
                                           " is above the hard limit " + show(hard));
    }
    const rlimit64 value = clamp(name.resource, soft, hard);
    if (value.rlim_max != hard || value.rlim_cur != soft) {
      made.warnings.push_back("limit " + wanted.name + " is " + show(value.rlim_cur) + ":" +
                              show(value.rlim_max) + ", not " + show(soft) + ":" + show(hard) +
                              ": more than the engine itself may have");
    }
    set(made, name, value);
  }
  return {};
}

}  // namespace slipway::sandbox
