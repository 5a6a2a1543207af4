// What of /proc, /sys and /dev a container sees.
#include <fcntl.h>

#include <deque>

#include "base/files.h"
#include "base/text.h"
#include "sandbox/policy/profile.h"

namespace slipway::sandbox {
namespace {

// Docker's list (moby, daemon/pkg/oci/defaults.go, June 2026) and four more that show physical or
// kernel addresses.
constexpr const char* kMasked[] = {
    "/proc/acpi",       "/proc/asound",        "/proc/interrupts",  "/proc/kcore",
    "/proc/keys",       "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
    "/proc/timer_list", "/proc/timer_stats",   "/proc/kallsyms",    "/proc/kpagecgroup",
    "/proc/kpagecount", "/proc/kpageflags",    "/sys/firmware",     "/sys/devices/virtual/powercap",
};

constexpr const char* kReadOnly[] = {
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

constexpr const char* kMaskedInHostSysfs[] = {
    "/sys/fs/cgroup",     "/sys/fs/bpf",         "/sys/fs/pstore",       "/sys/kernel/debug",
    "/sys/kernel/config", "/sys/kernel/tracing", "/sys/kernel/security",
};

// Spec: Documentation/admin-guide/devices.txt.
constexpr DeviceNode kDevices[] = {
    {"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
    {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
};

constexpr char kCpus[] = "/sys/devices/system/cpu";

// The kernel's part of /proc and all of /sys is the same inside as here, so what is missing here
// need not be hidden there.
std::vector<const char*> find_masked() {
  static std::deque<std::string> per_cpu;  // Owns the strings behind the pointers.
  std::vector<const char*> found;
  for (const char* path : kMasked) {
    if (path_exists(path)) found.push_back(path);
  }
  const auto cpus = open_file(kCpus, O_RDONLY | O_DIRECTORY);
  const auto names = cpus ? list_dir(cpus->get(), kCpus) : Result<std::vector<std::string>>{};
  if (!names) return found;
  for (const std::string& name : *names) {
    const std::string path = std::string(kCpus) + "/" + name + "/thermal_throttle";
    if (name.rfind("cpu", 0) == 0 && path_exists(path)) {
      found.push_back(per_cpu.emplace_back(path).c_str());
    }
  }
  return found;
}

}  // namespace

std::span<const char* const> masked_paths() {
  static const std::vector<const char*> kFound = find_masked();
  return kFound;
}

std::span<const char* const> read_only_paths() { return kReadOnly; }

std::span<const char* const> masked_paths_of_host_sysfs() { return kMaskedInHostSysfs; }

std::span<const DeviceNode> default_devices() { return kDevices; }

}  // namespace slipway::sandbox
