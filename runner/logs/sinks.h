#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "runner/logs/event.h"

namespace slipway::runner {

enum class ProgressMode { kAuto, kTty, kPlain, kJson, kQuiet };
Result<ProgressMode> parse_progress_mode(const std::string& text);

struct ProgressOptions {
  ProgressMode mode = ProgressMode::
      kAuto;            ///< Auto: tty when `fd` is a terminal, TERM is not dumb and CI is not set.
  int fd = 2;           ///< People's output (json mode writes to fd 1: data).
  bool colour = false;  ///< NO_COLOR, CLICOLOR_FORCE, --color already weighed.
  std::string repeat_command;  ///< "runner exec ci.yml": the summary adds --job NAME.
};
/// What kAuto means here.
ProgressMode resolve_progress_mode(const ProgressOptions& options);
/// tty: a tree of jobs and steps with timers, redrawn in place below scrolled-out finished parts; plain: one line per
/// event, prefixed by the job when several run; json: one object a line; quiet: only the failure summary.
/// All but json end with the summary: failed jobs, each with its failed step, the last 20 lines and the command to
/// repeat it.
std::shared_ptr<EventSink> make_progress_sink(const ProgressOptions& options, const Clock& clock);
/// --events FILE.
Result<std::shared_ptr<EventSink>> make_json_file_sink(const std::string& path);

}  // namespace slipway::runner
