#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "sandbox/containers/events.h"
#include "sandbox/containers/execs.h"
#include "sandbox/containers/health.h"
#include "sandbox/containers/layout.h"
#include "sandbox/containers/log_writer.h"
#include "sandbox/containers/loop.h"
#include "sandbox/containers/message.h"
#include "sandbox/containers/record.h"
#include "sandbox/containers/restart.h"
#include "sandbox/containers/streams.h"
#include "sandbox/engine.h"
#include "sandbox/networks.h"

namespace slipway::sandbox {

/// "rows" and "columns" of a request, within bounds.
Terminal terminal_of(const Json& body);

/// One container's keeper, in a process of its own. It holds the container's lock for all its life, so nobody else
/// changes the container meanwhile; it answers requests on the container's socket and ends when there is nothing left
/// to keep: no process, no client, no restart to come. See docs/decisions/010-monitor.md.
class Monitor {
 public:
  /// `lock` and `listener` are what start_monitor() passed on.
  static Result<std::unique_ptr<Monitor>> open(const std::string& state_dir, const std::string& id,
                                               Fd lock, Fd listener);
  ~Monitor();
  Status run();
  /// What made this monitor unfit for starting anything (no namespaces, no engine); told to whoever asks it to.
  void set_broken(Error error) { broken_ = std::move(error); }

 private:
  struct Call {
    int connection;
    Message message;
  };
  /// A reply, or nothing: it comes later.
  using Answer = Result<std::optional<Json>>;
  struct Request;
  enum class Await { kExit, kNotRunning, kRemoved, kGone, kStopped, kRestarted };
  struct Waiter {
    int connection;
    Await what;
  };

  Monitor(Layout layout, Loop loop);

  // --- life (monitor.cc) ---
  bool alive() const { return container_ != nullptr; }
  Status start_container();
  Status launch();
  Status watch_container();
  Status open_networks(ContainerSpec& spec);
  void note_networks();
  void close_networks();
  void emit_network(const char* action, const EndpointInfo& endpoint);
  void begin_health();
  Status refuse(const Outcome& outcome);
  Status note_failure(int exit_code, const Error& error);
  void on_exit();
  void record_end(const Outcome& outcome);
  void after_end(int exit_code, Millis ran_for);
  void begin_stop(Millis grace, int signal);
  Status thaw();
  Result<std::vector<int>> running_processes();
  void remove();
  void save();
  void emit(std::string action, std::vector<std::pair<std::string, std::string>> more = {});
  Status watch_signals();
  void idle();
  void quit();

  // --- requests (monitor_requests.cc) ---
  void accept_all();
  void on_connection(int fd);
  void answer(Call call);
  void reply(int connection, const Json& body);
  void drop(int connection);
  void release(Await what, const Json& body);
  Answer on_start(Call& call);
  Answer on_stop(Call& call);
  Answer on_kill(Call& call);
  Answer on_restart(Call& call);
  Answer on_wait(Call& call);
  Answer on_attach(Call& call);
  Answer on_resize(Call& call);
  Answer on_rename(Call& call);
  Answer on_update(Call& call);
  Answer on_remove(Call& call);
  Answer on_connect(Call& call);
  Answer on_disconnect(Call& call);
  // --- what only a running container can answer (monitor_running.cc) ---
  Answer on_pause(Call& call);
  Answer on_unpause(Call& call);
  Answer on_stats(Call& call);
  Answer on_processes(Call& call);
  Answer on_root(Call& call);
  Answer on_exec_create(Call& call);
  Answer on_exec_start(Call& call);
  Answer on_exec_inspect(Call& call);
  Answer on_exec_wait(Call& call);
  Answer on_exec_resize(Call& call);
  Json exit_body() const;
  Error not_running() const;

  Layout layout_;
  Loop loop_;
  EventLog events_;
  Fd directory_;
  Fd lock_;
  Fd listener_;
  Fd signals_;
  Record record_;
  StateRecord state_;
  std::optional<Error> broken_;
  std::unique_ptr<Engine> engine_;
  std::vector<Fd> snapshots_;
  std::shared_ptr<Networks> networks_;
  std::unique_ptr<NetworkSession> session_;
  std::optional<LogWriter> log_;
  std::unique_ptr<Streams> streams_;
  std::unique_ptr<Container> container_;  ///< While there is a process; goes before the engine.
  std::unique_ptr<HealthProber> health_;
  std::unique_ptr<Execs> execs_;
  MonoTime started_{};
  Terminal size_;
  Restarter restarter_;
  Loop::TimerId restart_timer_ = 0;
  Loop::TimerId kill_timer_ = 0;
  bool restart_asked_ = false;
  bool remove_asked_ = false;
  bool remove_volumes_ = false;
  bool shutting_down_ = false;
  bool removed_ = false;
  bool met_anybody_ = false;
  bool untidy_ = true;  ///< Memory may be given back.
  std::map<int, Fd> connections_;
  std::vector<Waiter> waiters_;
};

}  // namespace slipway::sandbox
