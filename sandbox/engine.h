#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "sandbox/outcome.h"
#include "sandbox/spec.h"

namespace slipway::sandbox {

/// Call first in main, while the process has one thread. Root: gives the process a private (slave) mount namespace, so
/// that no mount ever appears on the host. An ordinary user: moves the process into a user namespace in which it is
/// root over its subordinate ids (newuidmap; without it a single-id map, said in notices). Both vanish with the
/// process.
/// kUnsupported says what the machine forbids and how to allow it. Idempotent.
Status enter_engine_namespaces();

struct EngineOptions {
  std::string
      store_root;      ///< Snapshots live below; one id-shifted view of it serves all containers.
  PowerPolicy policy;  ///< What start() refuses, whoever asks.
};

/// How wait() ends a process: `signal`, then SIGKILL after `grace`.
struct StopPolicy {
  int signal = 15;
  Millis grace{10'000};
};

/// A further process in a running container, with the container's isolation: cgroup, namespaces, capabilities, filter,
/// no_new_privs, limits. It dies with the container. Thread-safe but for wait().
class ExecProcess {
 public:
  virtual ~ExecProcess() = default;  ///< Kills it.
  /// As Container::wait, for this process alone: what it has left in the background lives on.
  virtual Outcome wait(const CancelToken& cancel, std::optional<MonoTime> deadline,
                       const StopPolicy& stop) = 0;
  virtual Status signal(int signal) = 0;
  virtual int terminal_fd() const = 0;
  virtual Status resize(Terminal size) = 0;
  virtual int pid() const = 0;    ///< Host pid.
  virtual int pidfd() const = 0;  ///< Readable when it has ended; -1 when it never ran.
};

struct ExecSpec {
  ProcessSpec process;  ///< The working directory must exist.
  /// Docker's `exec --privileged`: all capabilities of the container's user namespace; the filter stays.
  bool privileged = false;
};

/// A started container. Its process tree, mounts, cgroup and namespaces are gone when the object is.
class Container {
 public:
  virtual ~Container() = default;
  /// Blocks until the main process has ended (or was ended at `deadline` or by `cancel`) and all that belongs to the
  /// container is gone: its mounts, and every process that could still write to its pipes (read them to the end after).
  /// Call once. CancelLevel::kTerminate applies `stop`; kKill kills at once.
  virtual Outcome wait(const CancelToken& cancel, std::optional<MonoTime> deadline,
                       const StopPolicy& stop) = 0;
  virtual Status signal(int signal) = 0;  ///< To the main process. Thread-safe.
  virtual int terminal_fd() const = 0;  ///< Master side of the pty, or -1; owned by the container.
  virtual Status resize(Terminal size) = 0;
  virtual int pid() const = 0;    ///< Host pid of the container's init.
  virtual int pidfd() const = 0;  ///< Of init: readable when all has ended; -1 when it never ran.

  // The rest is thread-safe, and kNotFound when the container has ended.
  virtual Result<std::unique_ptr<ExecProcess>> exec(
      const ExecSpec& spec) = 0;  ///< Some ms; kUnavailable: paused.
  virtual Status pause() = 0;     ///< kConflict when paused already.
  virtual Status resume() = 0;    ///< kConflict when not paused.
  /// Limits of a running container; what is not given stays as it is, but for pids, which is always set.
  virtual Status update(const Limits& limits) = 0;
  virtual Result<ResourceUsage> usage() = 0;
  virtual Result<std::vector<int>> processes() = 0;  ///< Host pids, exec's included.
  /// Its root as seen inside, O_PATH. Resolve below it with RESOLVE_IN_ROOT only: the container changes it meanwhile.
  virtual Result<Fd> open_root() = 0;
  /// What of the spec this machine cannot give, for saying once.
  virtual std::vector<std::string> warnings() const = 0;
};

/// Thread-safe. One per process and store; outlives its containers.
class Engine {
 public:
  static Result<std::unique_ptr<Engine>> open(const EngineOptions& options);
  virtual ~Engine() = default;
  /// An Error is the engine's trouble (a missing lower directory, no memory); a command that cannot be executed is a
  /// Container whose wait() says kSetupFailed.
  virtual Result<std::unique_ptr<Container>> start(const ContainerSpec& spec) = 0;
  /// What this machine cannot enforce ("memory limits: no memory controller"), for saying once.
  virtual std::vector<std::string> notices() const = 0;
};

}  // namespace slipway::sandbox
