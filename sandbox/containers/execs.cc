// Starting, watching and remembering the further processes of a container.
#include "sandbox/containers/execs.h"

#include <sys/epoll.h>

#include <algorithm>

#include "base/random.h"
#include "base/text.h"

namespace slipway::sandbox {
namespace {

constexpr std::size_t kMostExecs = 1000;    // Remembered ones; the oldest that have ended go first.
constexpr std::chrono::seconds kDrain{10};  // R25: children that hold the pipes get no longer.

std::string exec_id_of(const Record& record) {
  constexpr std::size_t kIdDigits = 64;
  return record.id.substr(0, kExecPrefix) + random_hex((kIdDigits - kExecPrefix) / 2);
}

Streams::Options stream_options(const ExecConfig& config) {
  Streams::Options options;
  options.tty = config.tty;
  if (config.attach_stdin) options.input = Streams::Stdin::kOnce;
  return options;
}

}  // namespace

struct Execs::Exec {
  Exec(Loop& loop, ExecConfig the_config)
      : config(std::move(the_config)), streams(loop, stream_options(config)) {}
  ExecConfig config;
  ExecState state;
  std::uint64_t serial = 0;
  bool started = false;
  Streams streams;
  std::unique_ptr<ExecProcess> process;
  bool watched = false;
  Loop::TimerId drain = 0;
  std::vector<int> waiting;
};

Execs::Execs(Loop& loop, const Record& record, Emit emit, Reply reply)
    : loop_(loop), record_(record), emit_(std::move(emit)), reply_(std::move(reply)) {}

Execs::~Execs() { container_ended(); }

Result<Execs::Exec*> Execs::find(const std::string& id) const {
  const auto found = execs_.find(id);
  if (found == execs_.end())
    return fail(ErrorCode::kNotFound, "no such exec: " + printable(id.substr(0, 64)));
  return found->second.get();
}

void Execs::forget_old() {
  while (execs_.size() >= kMostExecs) {
    auto oldest = execs_.end();
    for (auto one = execs_.begin(); one != execs_.end(); ++one) {
      const Exec& exec = *one->second;
      if (exec.process || exec.streams.clients() > 0) continue;
      if (oldest == execs_.end() || exec.serial < oldest->second->serial) oldest = one;
    }
    if (oldest == execs_.end()) return;
    execs_.erase(oldest);
  }
}

Result<std::string> Execs::create(ExecConfig config) {
  if (config.argv.empty() || config.argv[0].empty())
    return fail(ErrorCode::kInvalid, "exec: no command given");
  forget_old();
  if (execs_.size() >= kMostExecs)
    return fail(ErrorCode::kExhausted,
                "exec: " + std::to_string(kMostExecs) + " are running in the container already");
  auto exec = std::make_unique<Exec>(loop_, std::move(config));
  exec->state.id = exec_id_of(record_);
  exec->serial = ++serial_;
  const std::string id = exec->state.id;
  emit_("exec_create: " + join(exec->config.argv, " "), {{"execID", id}});
  execs_[id] = std::move(exec);
  return id;
}

Status Execs::start(Container& container, const std::string& id, Fd stream) {
  Exec& exec = *SLIP_TRY(find(id));
  if (exec.started) return fail(ErrorCode::kConflict, "start exec: it was started already");
  exec.started = true;
  if (stream) SLIP_TRY(exec.streams.attach(std::move(stream)));
  const Status launched = launch(container, exec);
  if (launched) {
    emit_("exec_start: " + join(exec.config.argv, " "), {{"execID", id}});
    return {};
  }
  constexpr int kEngineTrouble = 125;
  if (exec.state.exit_code == 0) exec.state.exit_code = kEngineTrouble;
  exec.process.reset();
  exec.streams.end();
  return launched;
}

Status Execs::launch(Container& container, Exec& exec) {
  ExecSpec spec;
  spec.process = exec_process(record_, exec.config, container);
  spec.privileged = exec.config.privileged;
  Streams::Ends ends;
  if (!exec.config.tty) {
    ends = SLIP_TRY(exec.streams.open_pipes());
    spec.process.stdin_fd = ends.input.get();
    spec.process.stdout_fd = ends.output.get();
    spec.process.stderr_fd = ends.error.get();
  }
  exec.process = SLIP_TRY(container.exec(spec));
  if (exec.process->pidfd() < 0) {
    const Outcome outcome = exec.process->wait(CancelToken(), std::nullopt, {});
    exec.state.exit_code = outcome.shell_code();
    return fail(ErrorCode::kInvalid, outcome.describe());
  }
  SLIP_TRY(
      loop_.watch(exec.process->pidfd(), EPOLLIN, [this, &exec](std::uint32_t) { on_exit(exec); }));
  exec.watched = true;
  SLIP_TRY(exec.streams.begin(nullptr, exec.process->terminal_fd()));
  exec.state.running = true;
  exec.state.pid = exec.process->pid();
  return {};
}

// Its background children may go on writing, for a while.
void Execs::on_exit(Exec& exec) {
  record_end(exec, exec.process->wait(CancelToken(), std::nullopt, {}));
  exec.streams.read_rest();
  if (exec.streams.output_ended()) return cut(exec);
  exec.streams.on_output_end([this, &exec] {
    // Not from within the streams' own call.
    loop_.cancel(exec.drain);
    exec.drain = loop_.at(std::chrono::steady_clock::now(), [this, &exec] { cut(exec); });
  });
  exec.drain = loop_.at(std::chrono::steady_clock::now() + kDrain, [this, &exec] { cut(exec); });
}

void Execs::record_end(Exec& exec, const Outcome& outcome) {
  if (std::exchange(exec.watched, false)) loop_.forget(exec.process->pidfd());
  exec.state.running = false;
  exec.state.pid = 0;
  exec.state.exit_code = outcome.shell_code();
  emit_("exec_die",
        {{"execID", exec.state.id}, {"exitCode", std::to_string(exec.state.exit_code)}});
  for (const int connection : std::exchange(exec.waiting, {}))
    reply_(connection, Json::object({{"exit_code", exec.state.exit_code}}));
}

void Execs::cut(Exec& exec) {
  loop_.cancel(std::exchange(exec.drain, 0));
  exec.streams.on_output_end({});
  exec.streams.end();
  exec.process.reset();
}

void Execs::container_ended() {
  for (auto& [id, exec] : execs_) {
    if (!exec->process) continue;
    if (exec->state.running)
      record_end(*exec, exec->process->wait(CancelToken(), std::nullopt, {}));
    cut(*exec);
  }
}

Result<ExecState> Execs::inspect(const std::string& id) const { return SLIP_TRY(find(id))->state; }

Result<bool> Execs::is_tty(const std::string& id) const { return SLIP_TRY(find(id))->config.tty; }

Status Execs::resize(const std::string& id, Terminal size) {
  Exec& exec = *SLIP_TRY(find(id));
  if (!exec.config.tty) return fail(ErrorCode::kInvalid, "resize exec: it has no terminal");
  exec.config.size = size;
  if (exec.process && exec.state.running) return exec.process->resize(size);
  return {};
}

Result<std::optional<int>> Execs::wait(const std::string& id, int connection) {
  Exec& exec = *SLIP_TRY(find(id));
  if (exec.started && !exec.state.running) return std::optional<int>(exec.state.exit_code);
  exec.waiting.push_back(connection);
  return std::optional<int>();
}

void Execs::forget_connection(int connection) {
  for (auto& [id, exec] : execs_) std::erase(exec->waiting, connection);
}

std::vector<ExecState> Execs::ended() const {
  std::vector<ExecState> states;
  for (const auto& [id, exec] : execs_) {
    if (exec->started && !exec->state.running) states.push_back(exec->state);
  }
  return states;
}

bool Execs::busy() const {
  return std::any_of(execs_.begin(), execs_.end(), [](const auto& one) {
    return one.second->process != nullptr || one.second->streams.clients() > 0;
  });
}

}  // namespace slipway::sandbox
