// From argv to one command. Version and help are answered before anything else is touched.
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <exception>

#include "runner/cli/cli.h"
#include "runner/cli/commands.h"
#include "runner/cli/console.h"
#include "runner/cli/help.h"
#include "runner/version.h"

namespace slipway::runner {
namespace {

int print_help(const std::string& topic) {
  print_data(help_text(
      topic, {line_width(STDOUT_FILENO), wants_colour("", STDOUT_FILENO, process_environment())}));
  return 0;
}

int dispatch(const std::vector<std::string>& words) {
  const Parsed parsed = parse_command_line(words, process_environment());
  if (const auto* error = std::get_if<UsageError>(&parsed)) return report_usage(*error);
  if (const auto* help = std::get_if<HelpRequest>(&parsed)) return print_help(help->topic);
  if (std::holds_alternative<VersionRequest>(parsed)) {
    print_data(version_line());
    return 0;
  }
  const auto& invocation = std::get<Invocation>(parsed);
  return invocation.command().run(invocation);
}

}  // namespace

int run_cli(int argc, char** argv) {
  // `runner list | head` must end with an error of write(2), not by a signal in the middle of clean-up.
  ::signal(SIGPIPE, SIG_IGN);
  try {
    return dispatch(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
  } catch (const std::exception& error) {
    print_note(std::string("runner: internal error: ") + error.what() + "\n");
    return exit_code(ErrorCode::kInternal);
  }
}

}  // namespace slipway::runner
