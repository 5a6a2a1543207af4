#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/json.h"

namespace slipway::runner {

/// One event of a run. The JSON form (configs/events.schema.json) has at least t, seq, run, job, step, kind.
struct Event {
  enum class Kind {
    kRunStart,
    kJobStart,
    kStepStart,
    kLog,
    kStepEnd,
    kJobEnd,
    kRunEnd,
    kNotice,
    kProgress,  ///< What a step is doing right now; the next one replaces it, and no log keeps it.
  };
  Kind kind = Kind::kLog;
  std::string run;
  std::string job;   ///< Instance name; empty for the run's own events.
  std::string step;  ///< Step id.
  std::string name;  ///< Shown name of job or step (start events); kLog: of the service.
  std::string
      stream;  ///< kLog: stdout, stderr, service, group, endgroup, annotation, or slipway (our own words).
  std::string
      line;  ///< kLog, kNotice, kProgress: one line without its newline, masked, valid UTF-8.
  std::string
      status;  ///< End events: succeeded failed skipped cancelled timed-out out-of-memory error warning.
  int exit_code = 0;
  double seconds = 0;
  std::string reason;  ///< Why skipped or failed, for people.
  Json
      details;  ///< Start events: image, needs, total steps; run_start: jobs with their names and needs.
                ///< step_end: summary; job_end: tests, coverage; annotations: level, file, line.
  std::uint64_t seq = 0;  ///< Set by EventStream.
  WallTime time{};        ///< Set by EventStream.
};
Json to_json(const Event& event);

/// Receives events in order, one at a time (the stream serialises). Must not call back into the stream.
class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void on_event(const Event& event) = 0;
  /// The run is over: flush, restore the terminal.
  virtual void close() {}
  /// Between these two the terminal belongs to somebody else (an interactive shell): draw nothing, keep what comes.
  virtual void pause() {}
  virtual void resume() {}
};

/// Numbers, stamps and fans out. Thread-safe.
class EventStream {
 public:
  explicit EventStream(const Clock& clock, std::string run_id);
  void add(std::shared_ptr<EventSink> sink);
  void emit(Event event);
  void close();
  void pause();
  void resume();

 private:
  const Clock& clock_;
  std::string run_id_;
  std::mutex mutex_;
  std::uint64_t next_seq_ = 1;
  std::vector<std::shared_ptr<EventSink>> sinks_;
};

}  // namespace slipway::runner
