#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "sandbox/isolation.h"
#include "sandbox/limits.h"

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

/// Whether mounts that appear later below a bind's source show in the container, too. Spec: mount_namespaces(7). The
/// shared kinds are refused: nothing that a container mounts may reach the machine.
enum class Propagation {
  kPrivate,
  kRecursivePrivate,
  kSlave,
  kRecursiveSlave,
  kShared,
  kRecursiveShared
};

struct BindMount {
  std::string source;  ///< Absolute host path; opened by us, links in it are the caller's word.
  std::string target;  ///< Absolute in the container; resolved in the root, made when missing.
  Access access = Access::kReadWrite;
  /// Files of the source belong to container ids on disk (as snapshots do) and are shifted; otherwise owners show as
  /// they are (the caller's uid appears as root for an ordinary user, as nobody otherwise).
  bool shifted = false;
  Propagation propagation = Propagation::kRecursivePrivate;
};
struct OverlayMount {
  OverlayStack stack;
  std::string target;
};
struct TmpfsMount {
  std::string target;
  ByteCount size = 64_MiB;  ///< 0: half of the memory, as the kernel does.
  unsigned mode = 01777;
  /// Docker's: "noexec", "exec", "ro", "size=10m", "mode=755", "uid=5", "gid=5", "nr_inodes=100", "noatime", …; they
  /// win over the members above. What would loosen isolation (suid, dev) is refused.
  std::vector<std::string> options;
};
/// A small file that appears read-only at `target` (secrets, hosts, resolv.conf); content lives on a private tmpfs
/// only.
struct FileMount {
  std::string target;
  std::string content;
  unsigned mode = 0444;
  unsigned uid = 0;  ///< Of the container.
  unsigned gid = 0;
};
using Mount = std::variant<BindMount, OverlayMount, TmpfsMount, FileMount>;

enum class Network {
  kNone,  ///< Own namespace with only loopback up; ContainerSpec::network_setup puts more into it.
  kHost,  ///< The machine's: power::HostNetworkNamespace.
  kPeer,  ///< That of ContainerSpec::network_peer.
};

/// A running container whose namespaces another one joins: its init. The joining one shares its user namespace, and
/// so its ids, because a namespace obeys only the user namespace that owns it. All peers of one container must be in
/// one user namespace.
struct Peer {
  int pid = 0;     ///< Host pid.
  int pidfd = -1;  ///< Borrowed; makes sure that the pid is still that process.
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
  /// Called by start() when the container's own network namespace exists and nothing runs in it: put interfaces,
  /// addresses and routes there. The descriptor is borrowed. An error is start()'s.
  std::function<Status(int netns_fd)> network_setup;
  std::optional<Peer> network_peer;  ///< Network::kPeer.
  std::optional<Peer> pid_peer;      ///< --pid container:ID. The container ends with its peer.
  std::optional<Peer> ipc_peer;      ///< --ipc container:ID
  Limits limits;
  bool count_usage = false;  ///< Every controller, so that usage() knows all; 50 us each.
  std::string hostname = "slipway";
  std::string domainname;
  std::vector<std::pair<std::string, std::string>>
      extra_hosts;  ///< Lines of /etc/hosts: name, address.
  Isolation isolation;
};

/// What of the spec is a power: isolation.powers, and those that other members ask for (the host's network).
std::vector<Power> powers_of(const ContainerSpec& spec);

}  // namespace slipway::sandbox
