// Output of the command line: colour decisions, streams, error messages, the state directory.
#include "runner/cli/console.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/files.h"
#include "base/text.h"

namespace slipway::runner {
namespace {

std::string variable_or(const Environment& environment, const char* name,
                        std::string_view fallback) {
  const std::optional<std::string> value = environment(name);
  return value && !value->empty() ? *value : std::string(fallback);
}

std::string_view style_code(Style style) {
  switch (style) {
    case Style::kBold:
      return "1";
    case Style::kDim:
      return "2";
    case Style::kRed:
      return "1;31";
    case Style::kGreen:
      return "32";
    case Style::kYellow:
      return "1;33";
    case Style::kCyan:
      return "36";
  }
  return "0";
}

std::string help_line(std::string_view help, bool colour) {
  return styled("help", Style::kCyan, colour) + ": " + std::string(help) + "\n";
}

}  // namespace

bool wants_colour(std::string_view color_option, int fd, const Environment& environment) {
  if (color_option == "always") return true;
  if (color_option == "never") return false;
  if (!variable_or(environment, "NO_COLOR", "").empty()) return false;
  if (variable_or(environment, "CLICOLOR_FORCE", "0") != "0") return true;
  if (variable_or(environment, "TERM", "dumb") == "dumb") return false;
  return ::isatty(fd) == 1;
}

bool wants_colour(const Invocation& invocation, int fd) {
  return wants_colour(invocation.value("color"), fd, process_environment());
}

std::string styled(std::string_view text, Style style, bool on) {
  if (!on) return std::string(text);
  return "\x1b[" + std::string(style_code(style)) + "m" + std::string(text) + "\x1b[0m";
}

std::size_t line_width(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return std::clamp<std::size_t>(size.ws_col, 40, 100);
}

void print_data(std::string_view text) { (void)write_all(STDOUT_FILENO, text, "standard output"); }
void print_note(std::string_view text) { (void)write_all(STDERR_FILENO, text, "standard error"); }

int report_usage(const UsageError& error) {
  const bool colour = wants_colour("", STDERR_FILENO, process_environment());
  print_note(error.where + ": " + error.message + "\n" +
             (error.help.empty() ? "" : help_line(error.help, colour)));
  return error.exit_code;
}

void report_message(std::string_view text, const Invocation& invocation) {
  const bool colour = wants_colour(invocation, STDERR_FILENO);
  const std::size_t hint = text.find("; ");
  std::string message = "runner: " + styled("error", Style::kRed, colour) + ": ";
  message += printable(text.substr(0, hint)) + "\n";
  if (hint != std::string_view::npos)
    message += help_line(printable(text.substr(hint + 2)), colour);
  print_note(message);
}

int report_error(const Error& error, const Invocation& invocation) {
  report_message(error.text(), invocation);
  return exit_code(error.code());
}

void report_warning(std::string_view text, const Invocation& invocation) {
  const bool colour = wants_colour(invocation, STDERR_FILENO);
  print_note("runner: " + styled("warning", Style::kYellow, colour) + ": " + std::string(text) +
             "\n");
}

int usage_failure(const Invocation& invocation, const std::string& message,
                  const std::string& help) {
  const std::string where = "runner " + std::string(command_title(invocation.command()));
  return report_usage({where, message, help.empty() ? "see `" + where + " --help`" : help,
                       invocation.command().usage_exit});
}

ProgressOptions progress_options(const Invocation& invocation) {
  ProgressOptions options;
  // The parser has checked the word already.
  options.mode =
      parse_progress_mode(invocation.value("progress", "auto")).value_or(ProgressMode::kAuto);
  options.fd = STDERR_FILENO;
  options.colour = wants_colour(invocation, STDERR_FILENO);
  return options;
}

std::string state_dir(const Invocation& invocation) {
  if (const std::string given = invocation.value("state"); !given.empty()) {
    return given.starts_with('/') ? given : std::filesystem::current_path().string() + "/" + given;
  }
  if (::geteuid() == 0) return "/var/lib/slipway";
  const Environment environment = process_environment();
  const std::string data = variable_or(environment, "XDG_DATA_HOME", "");
  if (data.starts_with('/')) return data + "/slipway";
  return variable_or(environment, "HOME", "/tmp") + "/.local/share/slipway";
}

}  // namespace slipway::runner
