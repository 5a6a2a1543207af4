// What goes on for as long as a container: attach, logs, wait, stats, top. Docker API v1.47, "Containers".
#include <poll.h>

#include "base/files.h"
#include "base/text.h"
#include "runner/docker_json.h"
#include "runner/process_list.h"
#include "web/docker_api/api.h"
#include "web/docker_api/streams.h"

namespace slipway::web::docker_api {
namespace {

using sandbox::ContainerInfo;

constexpr std::size_t kBatch = std::size_t{32} << 10;

/// Log records as docker sends them: frames or raw, with times if wanted.
class LogEncoder {
 public:
  LogEncoder(bool tty, bool times) : tty_(tty), times_(times) {}
  void append(std::string& to, const sandbox::LogRecord& record) {
    const auto stream = static_cast<std::size_t>(record.stream);
    std::string line;
    if (times_ && !in_line_.at(stream)) line = stamp(record.time) + " ";
    in_line_.at(stream) = !record.data.ends_with('\n');
    if (tty_) return void(to.append(line).append(record.data));
    if (line.empty()) return append_frame(to, record.stream, record.data);
    append_frame(to, record.stream, line.append(record.data));
  }

 private:
  /// Nine digits, so that lines align. Source: moby, log/jsonfilelog timestamps.
  static std::string stamp(WallTime time) {
    std::string text = runner::docker_time(time);
    const std::size_t dot = text.find('.');
    text.pop_back();
    if (dot == std::string::npos) text += ".";
    text.resize((dot == std::string::npos ? text.size() - 1 : dot) + 10, '0');
    return text + "Z";
  }
  bool tty_, times_;
  std::array<bool, 3> in_line_{};
};

Result<sandbox::LogRequest> read_log_request(const Call& call) {
  sandbox::LogRequest request;
  request.standard_output = call.flag("stdout");
  request.standard_error = call.flag("stderr");
  if (!request.standard_output && !request.standard_error)
    return fail(ErrorCode::kInvalid, "bad parameters: you must choose at least one stream");
  request.follow = call.flag("follow");
  const WallTime now = real_clock().wall();
  for (const auto& [name, time] :
       {std::pair("since", &request.since), std::pair("until", &request.until)}) {
    const std::string text = call.param(name);
    if (!text.empty() && text != "0") *time = SLIP_TRY(runner::parse_time(text, now));
  }
  const auto lines = parse_int(call.param("tail"));
  if (lines && *lines >= 0) request.tail = static_cast<std::uint64_t>(*lines);
  return request;
}

// GET /containers/{id}/logs
Status logs(Call& call) {
  const ContainerInfo container = SLIP_TRY(call.containers().inspect(call.name()));
  sandbox::LogRequest request = SLIP_TRY(read_log_request(call));
  if (container.config.log.driver == sandbox::LogConfig::Driver::kNone)
    return fail(ErrorCode::kUnsupported, "configured logging driver does not support reading");
  LogEncoder encoder(container.config.tty, call.flag("timestamps"));
  std::string batch;
  const auto flush = [&]() -> Status {
    Status sent = call.exchange().write(batch);
    batch.clear();
    return sent;
  };
  request.caught_up = flush;
  SLIP_TRY(call.exchange().begin(200, stream_type(call, container.config.tty)));
  SLIP_TRY(call.containers().logs(
      container.id, request,
      [&](const sandbox::LogRecord& record) -> Status {
        encoder.append(batch, record);
        return batch.size() < kBatch ? Status() : flush();
      },
      call.gone()));
  return flush();
}

// POST /containers/{id}/attach
Status attach(Call& call) {
  const ContainerInfo container = SLIP_TRY(call.containers().inspect(call.name()));
  if (container.state.status == sandbox::ContainerStatus::kPaused)
    return fail(ErrorCode::kConflict,
                "container " + container.name + " is paused, unpause the container before attach");
  SpliceOptions options;
  options.tty = container.config.tty;
  options.input = call.flag("stdin") && container.config.open_stdin;
  options.output = call.flag("stdout");
  options.error = call.flag("stderr");
  options.detach_keys = call.param("detachKeys");
  if (call.flag("logs")) {
    sandbox::LogRequest request;
    LogEncoder encoder(options.tty, false);
    SLIP_TRY(call.containers().logs(
        container.id, request,
        [&](const sandbox::LogRecord& record) -> Status {
          encoder.append(options.before, record);
          return {};
        },
        call.gone()));
  }
  if (!call.flag("stream")) {
    const Hijacked client = SLIP_TRY(call.exchange().hijack(stream_type(call, options.tty)));
    return write_all(client.fd, options.before, "stream");
  }
  return splice(call, SLIP_TRY(call.containers().attach(container.id)), options);
}

// POST /containers/{id}/resize
Status resize(Call& call) {
  const auto rows = SLIP_TRY(call.number("h"));
  const auto columns = SLIP_TRY(call.number("w"));
  if (!rows || !columns || *rows < 0 || *columns < 0 || *rows > 65535 || *columns > 65535)
    return fail(ErrorCode::kInvalid, "resize: h and w must be numbers from 0 to 65535");
  SLIP_TRY(call.containers().resize(
      call.name(), {static_cast<unsigned short>(*rows), static_cast<unsigned short>(*columns)}));
  return call.empty(200);
}

// POST /containers/{id}/wait: the head is sent when nothing can be missed any more, the body at the end.
Status wait(Call& call) {
  const std::string text = call.param("condition");
  sandbox::WaitCondition condition = sandbox::WaitCondition::kNotRunning;
  if (text == "next-exit")
    condition = sandbox::WaitCondition::kNextExit;
  else if (text == "removed")
    condition = sandbox::WaitCondition::kRemoved;
  else if (!text.empty() && text != "not-running")
    return fail(ErrorCode::kInvalid, "invalid condition: \"" + printable(text) + "\"");
  const std::string id = SLIP_TRY(call.containers().resolve(call.name()));
  const auto code = call.containers().wait(
      id, condition, call.gone(), [&] { (void)call.exchange().begin(200, "application/json"); });
  if (!code) return fail(code.error().clone());
  return call.exchange().write(Json::object({{"StatusCode", *code}}).dump() + "\n");
}

/// True when the client is gone.
bool pause_a_second(const CancelToken& gone) {
  pollfd stop{gone.poll_fd(CancelLevel::kKill), POLLIN, 0};
  return ::poll(&stop, 1, 1000) > 0;
}

// GET /containers/{id}/stats
Status stats(Call& call) {
  const bool stream = call.flag("stream", true);
  const bool one_shot = call.flag("one-shot");
  ContainerInfo container = SLIP_TRY(call.containers().inspect(call.name()));
  SLIP_TRY(call.exchange().begin(200, "application/json"));
  sandbox::ContainerStats before;
  if (!stream && !one_shot) {
    if (const auto first = call.containers().stats(container.id)) before = *first;
    if (pause_a_second(call.gone())) return {};
  }
  for (;;) {
    const auto now = call.containers().stats(container.id);
    // A stopped container has an answer with nothing in it; docker keeps the stream open until it runs again.
    const sandbox::ContainerStats sample = now ? *now : sandbox::ContainerStats{};
    SLIP_TRY(call.exchange().write(runner::stats_json(container, sample, before).dump() + "\n"));
    before = sample;
    if (!stream || pause_a_second(call.gone())) return {};
    auto again = call.containers().inspect(container.id);
    if (!again) return {};  // removed
    container = *std::move(again);
  }
}

// GET /containers/{id}/top
Status top(Call& call) {
  const std::vector<int> pids = SLIP_TRY(call.containers().processes(call.name()));
  const std::vector<std::string> lines =
      SLIP_TRY(runner::list_processes(pids, runner::words_of(call.param("ps_args"))));
  const std::vector<std::string> titles = runner::words_of(lines.front());
  Json::Array rows;
  for (std::size_t i = 1; i < lines.size(); ++i)
    rows.push_back(runner::list_json(runner::split_columns(lines[i], titles.size())));
  return call.json(200, Json::object({{"Titles", runner::list_json(titles)},
                                      {"Processes", Json(std::move(rows))}}));
}

}  // namespace

const std::vector<Route>& stream_routes() {
  static const std::vector<Route> kRoutes{
      {"GET", "/containers/{}/logs", logs},      {"POST", "/containers/{}/attach", attach},
      {"POST", "/containers/{}/resize", resize}, {"POST", "/containers/{}/wait", wait},
      {"GET", "/containers/{}/stats", stats},    {"GET", "/containers/{}/top", top},
  };
  return kRoutes;
}

}  // namespace slipway::web::docker_api
