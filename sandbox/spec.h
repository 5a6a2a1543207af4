#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/units.h"

namespace slipway::sandbox {

/// A stack of snapshot directories (bottom first) below one writable upper. Paths are absolute host paths.
struct OverlayStack {
  std::vector<std::string> lowers;
  std::string upper;  ///< Empty: read-only.
  std::string work;   ///< Beside upper, same file system.
};

/// Root file system: an image's stack, or the machine's own /usr, /bin, /sbin, /lib*, /etc read-only over a small stack
/// that holds everything writable (/tmp, HOME, mount points).
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
  std::optional<double> cpus;
  std::optional<ByteCount> memory;
  std::optional<ByteCount> memory_swap;  ///< Memory + swap; default: equal to memory (no swap).
  std::int64_t pids = 4096;
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
