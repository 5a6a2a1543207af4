#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "runner/cli/invocation.h"
#include "runner/logs/sinks.h"

/// What the program says to people: data on stdout, everything else on stderr, colour where it is wanted.
namespace slipway::runner {

/// --color, then NO_COLOR, CLICOLOR_FORCE, TERM=dumb and whether `fd` is a terminal.
/// Spec: no-color.org (any non-empty value), bixense.com/clicolors.
bool wants_colour(std::string_view color_option, int fd, const Environment& environment);
bool wants_colour(const Invocation& invocation, int fd);

enum class Style { kBold, kDim, kRed, kGreen, kYellow, kCyan };
/// `text` in that style, or as it is when `on` is false.
std::string styled(std::string_view text, Style style, bool on);

/// Columns of the terminal on `fd`, between 40 and 100; 80 when it is none.
std::size_t line_width(int fd);

/// Writes to stdout; a reader that has gone away (`| head`) is no error.
void print_data(std::string_view text);
/// Writes to stderr.
void print_note(std::string_view text);

/// `runner exec: unknown option "--jbo"`, `help: …`; returns the exit code.
int report_usage(const UsageError& error);
/// `runner: error: …`, then `help: …` when the text has a hint after "; "; returns the code's exit code.
int report_error(const Error& error, const Invocation& invocation);
/// The same form for what is not an Error.
void report_message(std::string_view text, const Invocation& invocation);
void report_warning(std::string_view text, const Invocation& invocation);

/// A usage error found by a command itself: `runner exec: option "--jobs": …`.
int usage_failure(const Invocation& invocation, const std::string& message,
                  const std::string& help = "");

/// --progress and --color for the event sinks.
ProgressOptions progress_options(const Invocation& invocation);

/// --state, else the default for this user. Call before the engine's namespaces are entered: they change the user id.
std::string state_dir(const Invocation& invocation);

}  // namespace slipway::runner
