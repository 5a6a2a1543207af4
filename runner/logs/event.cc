// Events: their JSON form, numbering and fan-out. What people see of them is made by the sinks.
#include "runner/logs/event.h"

#include <array>

namespace slipway::runner {
namespace {

/// Which members a kind has beyond the common ones; the same table as configs/events.schema.json.
struct KindRow {
  std::string_view name;
  bool named = false;    // name, details
  bool output = false;   // stream, line
  bool message = false;  // line
  bool ended = false;    // status, exit_code, seconds, reason
};
constexpr std::array<KindRow, 9> kKinds{{
    {.name = "run_start", .named = true},
    {.name = "job_start", .named = true},
    {.name = "step_start", .named = true},
    {.name = "log", .output = true},
    {.name = "step_end", .ended = true},
    {.name = "job_end", .ended = true},
    {.name = "run_end", .ended = true},
    {.name = "notice", .message = true},
    {.name = "progress", .message = true},
}};

}  // namespace

Json to_json(const Event& event) {
  const KindRow& kind = kKinds[static_cast<std::size_t>(event.kind)];
  Json::Object out;
  out.reserve(12);
  out.emplace_back("t", format_rfc3339(event.time));
  out.emplace_back("seq", event.seq);
  out.emplace_back("run", event.run);
  out.emplace_back("job", event.job);
  out.emplace_back("step", event.step);
  out.emplace_back("kind", kind.name);
  if (kind.named) {
    out.emplace_back("name", event.name);
    if (!event.details.is_null()) out.emplace_back("details", event.details);
  }
  if (kind.output) out.emplace_back("stream", event.stream);
  if (kind.output && event.stream == "service") out.emplace_back("service", event.name);
  if ((kind.output || kind.ended) && !event.details.is_null())
    out.emplace_back("details", event.details);
  if (kind.output || kind.message) out.emplace_back("line", event.line);
  if (kind.ended) {
    out.emplace_back("status", event.status);
    out.emplace_back("exit_code", event.exit_code);
    out.emplace_back("seconds", event.seconds);
    if (!event.reason.empty()) out.emplace_back("reason", event.reason);
  }
  return Json(std::move(out));
}

EventStream::EventStream(const Clock& clock, std::string run_id)
    : clock_(clock), run_id_(std::move(run_id)) {}

void EventStream::add(std::shared_ptr<EventSink> sink) {
  std::lock_guard lock(mutex_);
  sinks_.push_back(std::move(sink));
}

void EventStream::emit(Event event) {
  // Sinks run under the lock: that is what keeps their order equal to the numbering. They never
  // call back.
  std::lock_guard lock(mutex_);
  event.run = run_id_;
  event.seq = next_seq_++;
  event.time = clock_.wall();
  for (const auto& sink : sinks_) sink->on_event(event);
}

void EventStream::pause() {
  std::lock_guard lock(mutex_);
  for (const auto& sink : sinks_) sink->pause();
}

void EventStream::resume() {
  std::lock_guard lock(mutex_);
  for (const auto& sink : sinks_) sink->resume();
}

void EventStream::close() {
  std::lock_guard lock(mutex_);
  for (const auto& sink : sinks_) sink->close();
  sinks_.clear();
}

}  // namespace slipway::runner
