#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/units.h"
#include "sandbox/container_config.h"
#include "sandbox/networks.h"

namespace slipway::sandbox {

enum class ContainerStatus { kCreated, kRunning, kPaused, kRestarting, kRemoving, kExited, kDead };
std::string_view status_name(ContainerStatus status);  ///< Docker's word: "created", "running", …

struct HealthState {
  enum class Status { kNone, kStarting, kHealthy, kUnhealthy };
  struct Probe {
    WallTime start{};
    WallTime end{};
    int exit_code = 0;
    std::string output;  ///< At most 4 KiB.
  };
  Status status = Status::kNone;
  int failing_streak = 0;
  std::vector<Probe> log;  ///< The last five.
};

struct ContainerState {
  ContainerStatus status = ContainerStatus::kCreated;
  int pid = 0;  ///< Host pid of its init while it runs.
  int exit_code = 0;
  bool out_of_memory = false;
  std::string error;  ///< Why it could not be started.
  WallTime started{};
  WallTime finished{};
  int restart_count = 0;
  HealthState health;
};

/// One mount as it really is. Docker API: MountPoint.
struct MountInfo {
  MountConfig config;
  std::string volume;  ///< Name, also of anonymous ones.
  std::string source;  ///< Absolute host path.
};

struct ContainerInfo {
  std::string id;  ///< 64 hex digits.
  std::string name;
  WallTime created{};
  ContainerConfig config;
  // What runs, with the image's part filled in.
  std::vector<std::string> argv;
  std::vector<std::string> env;
  std::string working_dir;
  std::string user;
  std::string hostname;
  std::string stop_signal;            ///< "SIGTERM"
  std::optional<HealthCheck> health;  ///< Nothing: there is none, or it is switched off.
  ContainerState state;
  std::vector<MountInfo> mounts;
  std::vector<EndpointInfo> endpoints;
  std::vector<PublishedPort> ports;  ///< As really bound, with their host ports.
  std::string log_path;
};

enum class OutputStream : std::uint8_t { kStdin = 0, kStdout = 1, kStderr = 2 };
struct LogRequest {
  bool standard_output = true;
  bool standard_error = true;
  bool follow = false;
  std::optional<WallTime> since;
  std::optional<WallTime> until;
  std::optional<std::uint64_t> tail;  ///< Lines.
  std::function<Status()> caught_up;  ///< Called before the reader waits for more; may be empty.
};
struct LogRecord {
  OutputStream stream = OutputStream::kStdout;
  WallTime time{};
  std::string_view data;  ///< One line with its newline, or a part of one that has none (yet).
};

struct ExecConfig {
  std::vector<std::string> argv;
  std::vector<std::string> env;  ///< Added to the container's.
  std::string user;              ///< "": the container's.
  std::string working_dir;
  bool tty = false;
  Terminal size;
  bool attach_stdin = false;
  bool attach_output = true;
  bool privileged = false;
};
struct ExecState {
  std::string id;
  bool running = false;
  int exit_code = 0;
  int pid = 0;
};

/// A connection that speaks docker's stream protocol, ready to be spliced into an HTTP connection: raw stdin towards
/// the container (shutdown(SHUT_WR) is its end); from it frames of 8 bytes {stream, 0, 0, 0, length big-endian} +
/// data, or raw bytes when there is a terminal. Spec: Docker API, "Attach to a container", Stream format. A reader
/// that stops reading stops the process's output (but never its log); closing detaches.
struct Attachment {
  Fd stream;
  bool tty = false;
};

enum class WaitCondition { kNotRunning, kNextExit, kRemoved };

struct ContainerStats {  ///< Docker API: ContainerStats; cumulative values.
  WallTime read{};
  std::uint64_t cpu_total_ns = 0, cpu_user_ns = 0, cpu_system_ns = 0, system_ns = 0;
  std::uint32_t online_cpus = 0;
  ByteCount memory, memory_peak, memory_limit, memory_cache;
  std::uint64_t pids = 0, pids_limit = 0;
  std::uint64_t blkio_read = 0, blkio_written = 0;
  struct Network {
    std::string interface;
    std::uint64_t rx_bytes = 0, rx_packets = 0, rx_dropped = 0, tx_bytes = 0, tx_packets = 0,
                  tx_dropped = 0;
  };
  std::vector<Network> networks;
};

/// One line of `runner events`. Docker API: EventMessage.
struct ContainerEvent {
  WallTime time{};
  std::string type;    ///< "container", "network", "volume", "image"
  std::string action;  ///< "create", "start", "die", "health_status: healthy", …
  std::string id;
  std::vector<std::pair<std::string, std::string>> attributes;
};

}  // namespace slipway::sandbox
