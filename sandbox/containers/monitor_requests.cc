// What is asked of a monitor: connections, the table of requests, and the answers that come later.
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "sandbox/containers/changes.h"
#include "sandbox/containers/config_fields.h"
#include "sandbox/containers/joining.h"
#include "sandbox/containers/monitor.h"

namespace slipway::sandbox {
namespace {

constexpr std::size_t kMostConnections = 512;
constexpr Millis kDefaultGrace{10'000};  // Docker: 10 s between asking and killing.
constexpr std::int64_t kLongestGrace = 7LL * 24 * 3600 * 1000;

Millis grace_of(const Json& body, const ContainerConfig& config) {
  const Millis usual = config.stop_timeout.value_or(kDefaultGrace);
  const std::int64_t asked = body["grace_ms"].int_or(usual.count());
  // Docker: a negative time is for ever; a week is as long as anybody waits.
  return Millis(asked < 0 ? kLongestGrace : std::min(asked, kLongestGrace));
}

bool is_signal(std::int64_t number) { return number >= 1 && number <= 64; }

tl::unexpected<Error> no_signal(const char* doing) {
  return fail(ErrorCode::kInvalid, std::string(doing) + " container: no signal has that number");
}

}  // namespace

struct Monitor::Request {
  std::string_view name;
  Answer (Monitor::*handle)(Call&);
};

void Monitor::accept_all() {
  for (;;) {
    Fd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!connection) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      return;
    }
    met_anybody_ = true;
    if (connections_.size() >= kMostConnections || !check_peer(connection.get())) continue;
    const int fd = connection.get();
    if (!loop_.watch(fd, EPOLLIN, [this, fd](std::uint32_t) { on_connection(fd); })) continue;
    connections_[fd] = std::move(connection);
  }
}

void Monitor::on_connection(int fd) {
  auto received = receive_message(fd);
  if (!received && received.error().code() == ErrorCode::kUnavailable) return;
  if (!received) reply(fd, error_body(received.error()));
  if (!received || !*received) return drop(fd);
  answer({fd, std::move(**received)});
}

void Monitor::answer(Call call) {
  static constexpr Request kRequests[] = {
      {"start", &Monitor::on_start},
      {"stop", &Monitor::on_stop},
      {"kill", &Monitor::on_kill},
      {"restart", &Monitor::on_restart},
      {"wait", &Monitor::on_wait},
      {"attach", &Monitor::on_attach},
      {"resize", &Monitor::on_resize},
      {"rename", &Monitor::on_rename},
      {"update", &Monitor::on_update},
      {"remove", &Monitor::on_remove},
      {"connect", &Monitor::on_connect},
      {"disconnect", &Monitor::on_disconnect},
      {"pause", &Monitor::on_pause},
      {"unpause", &Monitor::on_unpause},
      {"stats", &Monitor::on_stats},
      {"processes", &Monitor::on_processes},
      {"root", &Monitor::on_root},
      {"exec_create", &Monitor::on_exec_create},
      {"exec_start", &Monitor::on_exec_start},
      {"exec_inspect", &Monitor::on_exec_inspect},
      {"exec_wait", &Monitor::on_exec_wait},
      {"exec_resize", &Monitor::on_exec_resize},
  };
  untidy_ = true;
  const std::string_view name = call.message.body["request"].string_or("");
  const auto* found = std::find_if(std::begin(kRequests), std::end(kRequests),
                                   [&](const Request& one) { return one.name == name; });
  if (found == std::end(kRequests))
    return reply(call.connection, error_body(Error(ErrorCode::kUnsupported,
                                                   "ask monitor: it does not know that request")));
  if (removed_ && name != "wait")
    return reply(call.connection,
                 error_body(Error(ErrorCode::kNotFound, "no such container: " + record_.id)));
  const int connection = call.connection;
  auto answered = (this->*found->handle)(call);
  if (!answered)
    reply(connection, error_body(answered.error()));
  else if (*answered)
    reply(connection, **answered);
  if (name == "start" && !answered && !alive() && record_.config.auto_remove) remove();
}

// Nobody who asks is waited for: a client that does not take its answer loses it.
void Monitor::reply(int connection, const Json& body) {
  if (connections_.contains(connection)) (void)send_message(connection, body);
}

void Monitor::drop(int connection) {
  execs_->forget_connection(connection);
  std::erase_if(waiters_, [&](const Waiter& one) { return one.connection == connection; });
  loop_.forget(connection);
  connections_.erase(connection);
}

void Monitor::release(Await what, const Json& body) {
  std::vector<Waiter> released;
  const auto other = std::partition(waiters_.begin(), waiters_.end(),
                                    [&](const Waiter& one) { return one.what != what; });
  released.assign(other, waiters_.end());
  waiters_.erase(other, waiters_.end());
  for (const Waiter& one : released) reply(one.connection, body);
}

Json Monitor::exit_body() const { return Json::object({{"exit_code", state_.state.exit_code}}); }

Error Monitor::not_running() const {
  return Error(ErrorCode::kConflict, "container " + short_id(record_.id) + " is not running");
}

Monitor::Answer Monitor::on_start(Call&) {
  if (alive())
    return fail(ErrorCode::kConflict,
                "start container " + short_id(record_.id) + ": it is running already");
  loop_.cancel(std::exchange(restart_timer_, 0));
  restarter_.reset();
  state_.state.restart_count = 0;
  SLIP_TRY(start_container());
  return Json::object();
}

Monitor::Answer Monitor::on_stop(Call& call) {
  const std::int64_t signal = call.message.body["signal"].int_or(record_.stop_signal);
  if (!is_signal(signal)) return no_signal("stop");
  state_.stopped_by_hand = true;
  if (std::exchange(restart_timer_, 0) != 0) {  // Between two runs.
    state_.state.status = ContainerStatus::kExited;
    ::unlink(layout_.running(record_.id).c_str());
    release(Await::kNotRunning, exit_body());
  }
  save();
  if (!alive()) return Json::object();
  SLIP_TRY(thaw());
  begin_stop(grace_of(call.message.body, record_.config), static_cast<int>(signal));
  waiters_.push_back({call.connection, Await::kStopped});
  return std::nullopt;
}

Monitor::Answer Monitor::on_kill(Call& call) {
  if (!alive()) return fail(not_running());
  const auto signal = static_cast<int>(call.message.body["signal"].int_or(0));
  if (!is_signal(signal)) return no_signal("kill");
  SLIP_TRY(container_->signal(signal));
  if (signal == SIGKILL) SLIP_TRY(thaw());  // It cannot die in the cold.
  // Docker: what ends it by hand is not restarted; a SIGHUP for its configuration is nothing of the kind.
  if (signal == SIGKILL || signal == record_.stop_signal) {
    state_.stopped_by_hand = true;
    save();
  }
  emit("kill", {{"signal", std::to_string(signal)}});
  return Json::object();
}

Monitor::Answer Monitor::on_restart(Call& call) {
  const std::int64_t signal = call.message.body["signal"].int_or(record_.stop_signal);
  if (!is_signal(signal)) return no_signal("restart");
  if (!alive()) {
    SLIP_TRY(on_start(call));
    emit("restart");
    return Json::object();
  }
  SLIP_TRY(thaw());
  restart_asked_ = true;
  begin_stop(grace_of(call.message.body, record_.config), static_cast<int>(signal));
  waiters_.push_back({call.connection, Await::kRestarted});
  return std::nullopt;
}

Monitor::Answer Monitor::on_wait(Call& call) {
  const std::string_view condition = call.message.body["condition"].string_or("");
  Await what = Await::kNotRunning;
  if (condition == "next-exit") what = Await::kExit;
  if (condition == "removed") what = Await::kRemoved;
  if (what == Await::kRemoved && removed_) return exit_body();
  if (what == Await::kNotRunning && !alive() && restart_timer_ == 0) return exit_body();
  waiters_.push_back({call.connection, what});
  reply(call.connection, Json::object({{"waiting", true}}));
  return std::nullopt;
}

Monitor::Answer Monitor::on_attach(Call& call) {
  if (!call.message.descriptor)
    return fail(ErrorCode::kInvalid, "attach: no stream was sent along");
  SLIP_TRY(streams_->attach(std::move(call.message.descriptor)));
  emit("attach");
  return Json::object({{"tty", record_.config.tty}});
}

Monitor::Answer Monitor::on_resize(Call& call) {
  if (!record_.config.tty)
    return fail(ErrorCode::kInvalid,
                "resize container " + short_id(record_.id) + ": it has no terminal");
  size_ = terminal_of(call.message.body);  // Before the start it is how large it begins.
  if (alive()) SLIP_TRY(container_->resize(size_));
  return Json::object();
}

Monitor::Answer Monitor::on_rename(Call& call) {
  const std::string old_name = record_.name;
  SLIP_TRY(rename_container(layout_, directory_.get(), record_,
                            std::string(call.message.body["name"].string_or(""))));
  emit("rename", {{"oldName", old_name}});
  return Json::object();
}

Monitor::Answer Monitor::on_update(Call& call) {
  const Limits limits = SLIP_TRY(limits_of(record_, call.message.body));
  if (alive()) SLIP_TRY(container_->update(limits));
  SLIP_TRY(change_limits(directory_.get(), record_, call.message.body));
  emit("update");
  return Json::object();
}

Monitor::Answer Monitor::on_connect(Call& call) {
  const EndpointConfig endpoint = SLIP_TRY(endpoint_of(call.message.body["endpoint"]));
  Record changed = record_;
  SLIP_TRY(add_endpoint(changed.config, endpoint));
  if (alive() && !session_)
    return fail(ErrorCode::kConflict, "connect container " + short_id(record_.id) +
                                          ": it runs without networks; stop it first");
  if (alive()) SLIP_TRY(session_->connect(endpoint));
  SLIP_TRY(write_record(directory_.get(), changed));
  record_ = std::move(changed);
  note_networks();
  save();
  for (const EndpointInfo& one : state_.endpoints)
    if (one.network == endpoint.network || one.network_id == endpoint.network)
      emit_network("connect", one);
  return Json::object();
}

Monitor::Answer Monitor::on_disconnect(Call& call) {
  const std::string network(call.message.body["network"].string_or(""));
  Record changed = record_;
  SLIP_TRY(remove_endpoint(changed.config, network));
  const std::vector<EndpointInfo> before = state_.endpoints;
  if (session_) SLIP_TRY(session_->disconnect(network));
  SLIP_TRY(write_record(directory_.get(), changed));
  record_ = std::move(changed);
  note_networks();
  save();
  for (const EndpointInfo& one : before)
    if (one.network == network || one.network_id == network) emit_network("disconnect", one);
  return Json::object();
}

Monitor::Answer Monitor::on_remove(Call& call) {
  const bool force = call.message.body["force"].bool_or(false);
  if (alive() && !force)
    return fail(ErrorCode::kConflict, "remove container " + short_id(record_.id) +
                                          ": it is running; stop it first or use force");
  remove_volumes_ = call.message.body["volumes"].bool_or(false);
  if (!alive()) {
    loop_.cancel(std::exchange(restart_timer_, 0));
    remove();
    release(Await::kNotRunning, exit_body());
    if (!removed_) return fail(ErrorCode::kInternal, state_.state.error);
    return exit_body();
  }
  remove_asked_ = true;
  SLIP_TRY(container_->signal(SIGKILL));
  SLIP_TRY(thaw());
  waiters_.push_back({call.connection, Await::kGone});
  return std::nullopt;
}

}  // namespace slipway::sandbox
