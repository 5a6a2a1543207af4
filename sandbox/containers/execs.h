#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "sandbox/container_state.h"
#include "sandbox/containers/loop.h"
#include "sandbox/containers/record.h"
#include "sandbox/containers/streams.h"
#include "sandbox/engine.h"

namespace slipway::sandbox {

/// Further processes of one running container, by id. An exec's id begins with its container's, so whoever has one
/// knows whom to ask. Lives in the monitor; what has ended is remembered while the monitor lives, up to a bound.
class Execs {
 public:
  using Emit = std::function<void(std::string action,
                                  std::vector<std::pair<std::string, std::string>> attributes)>;
  using Reply = std::function<void(int connection, const Json& body)>;

  Execs(Loop& loop, const Record& record, Emit emit, Reply reply);
  ~Execs();

  Result<std::string> create(ExecConfig config);
  /// A command that cannot be run is kInvalid, with 126 or 127 as its exit code.
  Status start(Container& container, const std::string& id, Fd stream);
  Result<ExecState> inspect(const std::string& id) const;
  Result<bool> is_tty(const std::string& id) const;
  Status resize(const std::string& id, Terminal size);
  /// The exit code, or nothing: `connection` gets it later.
  Result<std::optional<int>> wait(const std::string& id, int connection);
  void forget_connection(int connection);
  /// The container ends: so do they.
  void container_ended();
  bool busy() const;  ///< Something is running or still has a client.
  std::vector<ExecState> ended() const;

 private:
  struct Exec;
  Result<Exec*> find(const std::string& id) const;
  Status launch(Container& container, Exec& exec);
  void on_exit(Exec& exec);
  void record_end(Exec& exec, const Outcome& outcome);
  void cut(Exec& exec);
  void forget_old();

  Loop& loop_;
  const Record& record_;
  Emit emit_;
  Reply reply_;
  std::map<std::string, std::unique_ptr<Exec>> execs_;
  std::uint64_t serial_ = 0;
};

/// Digits of a container's id that the ids of its execs begin with: 96 bits are as good as all of them.
inline constexpr std::size_t kExecPrefix = 24;

/// What a process in the container is to be, for an exec or a health check: its environment is the container's with the
/// user's own home.
ProcessSpec exec_process(const Record& record, const ExecConfig& config, Container& container);

Json exec_body(const ExecConfig& config);
Result<ExecConfig> exec_config_of(const Json& body);
Json exec_state_body(const ExecState& state);
ExecState exec_state_of(const Json& body);
/// How execs ended is still known when their monitor is gone, until the container has another.
void write_ended_execs(int directory, const std::vector<ExecState>& ended);
std::optional<ExecState> read_ended_exec(int directory, const std::string& id);

}  // namespace slipway::sandbox
