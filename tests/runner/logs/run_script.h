#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runner/logs/event.h"

namespace slipway::runner {

// Events of made-up runs, short enough to read as a table.

inline Event run_start(const std::vector<std::string>& jobs) {
  Event event;
  event.kind = Event::Kind::kRunStart;
  event.run = "20260102-030405-ab";
  event.name = "ci";
  Json list = Json::array();
  for (const std::string& job : jobs)
    list.push(Json::object({{"name", job}, {"needs", Json::array()}, {"steps", 2}}));
  event.details = Json::object({{"jobs", std::move(list)}, {"commit", ""}});
  return event;
}

inline Event of_job(Event::Kind kind, const std::string& job, const std::string& step = "",
                    const std::string& name = "") {
  Event event;
  event.kind = kind;
  event.run = "20260102-030405-ab";
  event.job = job;
  event.step = step;
  event.name = name;
  return event;
}

inline Event job_start(const std::string& job) {
  Event event = of_job(Event::Kind::kJobStart, job, "", job);
  event.details =
      Json::object({{"image", "host"},
                    {"steps", Json::array({Json::object({{"id", "a"}, {"name", "a"}}),
                                           Json::object({{"id", "b"}, {"name", "b"}})})}});
  return event;
}
inline Event step_start(const std::string& job, const std::string& name) {
  return of_job(Event::Kind::kStepStart, job, name, name);
}
inline Event log(const std::string& job, const std::string& step, const std::string& line,
                 const std::string& stream = "stdout") {
  Event event = of_job(Event::Kind::kLog, job, step);
  event.stream = stream;
  event.line = line;
  return event;
}
inline Event ended(Event event, const std::string& status, double seconds, int exit_code = 0,
                   const std::string& reason = "") {
  event.status = status;
  event.seconds = seconds;
  event.exit_code = exit_code;
  event.reason = reason;
  return event;
}
inline Event step_end(const std::string& job, const std::string& name, const std::string& status,
                      double seconds, int exit_code = 0, const std::string& reason = "") {
  return ended(of_job(Event::Kind::kStepEnd, job, name, name), status, seconds, exit_code, reason);
}
inline Event job_end(const std::string& job, const std::string& status, double seconds,
                     int exit_code = 0, const std::string& reason = "") {
  return ended(of_job(Event::Kind::kJobEnd, job, "", job), status, seconds, exit_code, reason);
}
inline Event run_end(const std::string& status, double seconds) {
  return ended(of_job(Event::Kind::kRunEnd, ""), status, seconds);
}
inline Event notice(const std::string& line, const std::string& job = "") {
  Event event = of_job(Event::Kind::kNotice, job);
  event.line = line;
  return event;
}

/// One job that succeeds.
inline std::vector<Event> green_run() {
  return {run_start({"default"}),
          job_start("default"),
          step_start("default", "compile"),
          log("default", "compile", "$ make", "slipway"),
          log("default", "compile", "cc -c main.c"),
          step_end("default", "compile", "succeeded", 1.2),
          step_start("default", "test"),
          log("default", "test", "$ make test", "slipway"),
          log("default", "test", "ok 1"),
          step_end("default", "test", "succeeded", 0.3),
          job_end("default", "succeeded", 1.5),
          run_end("succeeded", 1.5)};
}

/// Three jobs: one fails, one is skipped for it.
inline std::vector<Event> red_run() {
  return {run_start({"build", "test (gcc)", "deploy"}),
          notice("skipped fifo build/pipe"),
          job_start("build"),
          job_start("test (gcc)"),
          step_start("build", "compile"),
          step_start("test (gcc)", "unit tests"),
          log("test (gcc)", "unit tests", "$ ./run-tests", "slipway"),
          log("build", "compile", "cc main.c"),
          log("test (gcc)", "unit tests", "not ok 3 - parses", "stderr"),
          step_end("test (gcc)", "unit tests", "failed", 0.4, 2, "exit code 2"),
          job_end("test (gcc)", "failed", 0.5, 2, "step unit tests: exit code 2"),
          step_end("build", "compile", "succeeded", 2.0),
          job_end("build", "succeeded", 2.1),
          job_end("deploy", "skipped", 0, 0, "needs test (gcc)"),
          run_end("failed", 4.2)};
}

}  // namespace slipway::runner
