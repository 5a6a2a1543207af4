#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/units.h"

namespace slipway::sandbox {

/// A stack of snapshot directories (bottom first) below one writable upper. Paths are absolute host paths.
struct OverlayStack {
  std::vector<std::string> lowers;
  std::string upper;  ///< Empty: read-only.
  std::string work;   ///< Beside upper, same file system.
};

/// Root file system: an image's stack, or the machine's own /usr, /bin, /sbin, /lib*, /etc read-only over a small
/// stack that holds everything writable (/tmp, HOME, mount points).
struct RootFs {
  OverlayStack stack;
  bool host_tools = false;
  bool read_only = false;
};

enum class Access { kReadOnly, kReadWrite };

struct BindMount {
  std::string source;  ///< Absolute host path; opened by us, links in it are the caller's word.
  std::string target;  ///< Absolute in the container; resolved in the root, made when missing.
  Access access = Access::kReadWrite;
  /// Files of the source belong to container ids on disk (as snapshots do) and are shifted; otherwise owners show as
  /// they are (the caller's uid appears as root for an ordinary user, as nobody otherwise).
  bool shifted = false;
};
struct OverlayMount {
  OverlayStack stack;
  std::string target;
};
struct TmpfsMount {
  std::string target;
  ByteCount size = 64_MiB;
  unsigned mode = 01777;
};
/// A small file that appears read-only at `target` (secrets, hosts, resolv.conf); content lives on a private tmpfs
/// only.
struct FileMount {
  std::string target;
  std::string content;
  unsigned mode = 0444;
};
using Mount = std::variant<BindMount, OverlayMount, TmpfsMount, FileMount>;

enum class Network {
  kNone,  ///< Own namespace with only loopback up.
  kHost,  ///< The machine's: an escape hatch, see HostNetworkAllowed.
};

struct Limits {
  struct DeviceRate {
    std::string device;  ///< Host path of a block device.
    std::uint64_t rate = 0;
  };
  std::optional<double> cpus;
  std::optional<std::uint64_t> cpu_shares;  ///< 2..262144; 1024 is docker's default.
  std::string cpuset_cpus;                  ///< "0-1,3"
  std::string cpuset_mems;
  std::optional<ByteCount> memory;
  std::optional<ByteCount> memory_swap;  ///< Memory + swap; default: equal to memory (no swap).
  std::optional<ByteCount> memory_reservation;
  std::int64_t pids = 4096;              ///< -1: no limit.
  std::optional<unsigned> blkio_weight;  ///< 10..1000
  std::vector<DeviceRate> read_bps, write_bps, read_iops, write_iops;
  std::optional<int> oom_score_adj;
};

/// Powers that let a container out of its box: distinct types, so that each use can be found by name and each can be
/// forbidden by the configuration (PowerPolicy). An ordinary container has none.
namespace power {
struct Privileged {};            ///< --privileged
struct HostPid {};               ///< --pid host
struct HostIpc {};               ///< --ipc host
struct HostUts {};               ///< --uts host
struct HostUserNamespace {};     ///< --userns host: container root is the machine's root.
struct HostCgroups {};           ///< --cgroupns host
struct HostNetworkNamespace {};  ///< --network host
struct UnconfinedSeccomp {};     ///< --security-opt seccomp=unconfined
struct CustomSeccomp {           ///< --security-opt seccomp=FILE
  std::string json;              ///< Docker's profile format.
};
struct UnmaskedPaths {};  ///< --security-opt systempaths=unconfined
struct HostDevice {       ///< --device
  std::string path_on_host;
  std::string path_in_container;
  std::string permissions = "rwm";
};
struct AddedCapability {  ///< --cap-add beyond the default set
  std::string name;
};
struct HostDirectory {  ///< -v /host/path
  std::string path;
};
}  // namespace power
using Power =
    std::variant<power::Privileged, power::HostPid, power::HostIpc, power::HostUts,
                 power::HostUserNamespace, power::HostCgroups, power::HostNetworkNamespace,
                 power::UnconfinedSeccomp, power::CustomSeccomp, power::UnmaskedPaths,
                 power::HostDevice, power::AddedCapability, power::HostDirectory>;

/// Which powers may be asked for: what the configuration says, checked in one place.
struct PowerPolicy {
  bool allow_all =
      true;  ///< The person at the command line is trusted; a daemon's configuration may say no.
  std::vector<std::string>
      forbidden;  ///< Names as power_name() gives them: "privileged", "host-pid", …
};
std::string_view power_name(const Power& power);
Status check_powers(const std::vector<Power>& powers,
                    const PowerPolicy& policy);  ///< kPermission names the power.

/// What differs from the default isolation.
struct Isolation {
  std::vector<Power> powers;
  bool no_new_privileges = true;
  std::vector<std::string> drop_capabilities;  ///< or "ALL"
  std::string apparmor_profile;                ///< "": none asked.
  std::string pid_of;                          ///< --pid container:ID; full id. Likewise below.
  std::string ipc_of;
  bool ipc_none = false;
  std::vector<std::pair<std::string, std::string>> sysctls;
  struct Ulimit {
    std::string name;  ///< "nofile"
    std::int64_t soft = 0;
    std::int64_t hard = 0;  ///< -1: unlimited.
  };
  std::vector<Ulimit> ulimits;
  std::vector<std::string> group_add;
  bool init =
      false;  ///< Docker's --init: our PID 1 always reaps, so this changes nothing but what inspect says.
  ByteCount shm_size = 64_MiB;
};

struct Terminal {
  unsigned short rows = 24;
  unsigned short columns = 80;
};

struct ProcessSpec {
  std::vector<std::string>
      argv;  ///< argv[0] with a slash is a path in the root; else looked up in env's PATH.
  std::vector<std::string> env;  ///< "NAME=value"; complete.
  std::string cwd = "/";         ///< Made when missing (as docker does), owner = user.
  std::string
      user;  ///< "", "name", "uid", "name:group", "uid:gid"; looked up in the root's files only.
  std::optional<Terminal> terminal;
  /// Borrowed descriptors for the process when there is no terminal; -1 is /dev/null.
  int stdin_fd = -1;
  int stdout_fd = -1;
  int stderr_fd = -1;
};

struct ContainerSpec {
  std::string name;  ///< For cgroup and messages: [a-z0-9-]{1,64}, unique among running ones.
  RootFs root;
  std::vector<Mount> mounts;  ///< In this order.
  ProcessSpec process;
  Network network = Network::kNone;
  Limits limits;
  std::string hostname = "slipway";
  std::vector<std::pair<std::string, std::string>>
      extra_hosts;  ///< Lines of /etc/hosts: name, address.
  bool no_new_privileges = true;
  std::vector<std::string>
      add_capabilities;  ///< "NET_RAW" or "CAP_NET_RAW"; within the user namespace.
  std::vector<std::string> drop_capabilities;  ///< or "ALL"
};

}  // namespace slipway::sandbox
