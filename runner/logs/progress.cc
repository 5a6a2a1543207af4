// Which sink a run's progress goes to.
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "base/text.h"
#include "runner/logs/json_sink.h"
#include "runner/logs/sinks.h"
#include "runner/logs/text_sinks.h"
#include "runner/logs/tty_sink.h"

namespace slipway::runner {
namespace {

struct ModeRow {
  const char* name;
  ProgressMode mode;
};
constexpr std::array<ModeRow, 6> kModes{{
    {"auto", ProgressMode::kAuto},
    {"tty", ProgressMode::kTty},
    {"plain", ProgressMode::kPlain},
    {"json", ProgressMode::kJson},
    {"rawjson", ProgressMode::kJson},  // docker's word
    {"quiet", ProgressMode::kQuiet},
}};

bool set_in_environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0';
}

}  // namespace

ProgressMode resolve_progress_mode(const ProgressOptions& options) {
  if (options.mode != ProgressMode::kAuto) return options.mode;
  const char* term = std::getenv("TERM");
  const bool dumb = term == nullptr || *term == '\0' || std::string_view(term) == "dumb";
  const bool live = ::isatty(options.fd) == 1 && !dumb && !set_in_environment("CI");
  return live ? ProgressMode::kTty : ProgressMode::kPlain;
}

Result<ProgressMode> parse_progress_mode(const std::string& text) {
  std::vector<std::string> names;
  for (const ModeRow& row : kModes) {
    if (text == row.name) return row.mode;
    names.emplace_back(row.name);
  }
  std::string message =
      "parse progress mode " + printable(text) + ": not one of " + join(names, ", ");
  if (const auto near = did_you_mean(text, names)) message += "; did you mean " + *near + "?";
  return fail(ErrorCode::kInvalid, std::move(message));
}

std::shared_ptr<EventSink> make_progress_sink(const ProgressOptions& options, const Clock& clock) {
  const Style style{.colour = options.colour, .utf8 = locale_is_utf8()};
  switch (resolve_progress_mode(options)) {
    case ProgressMode::kTty:
      return make_tty_sink(options, style, clock);
    case ProgressMode::kJson:
      return make_json_sink(STDOUT_FILENO);
    case ProgressMode::kQuiet:
      return make_quiet_sink(options, style);
    case ProgressMode::kPlain:
    case ProgressMode::kAuto:
      break;
  }
  return make_plain_sink(options, style);
}

}  // namespace slipway::runner
