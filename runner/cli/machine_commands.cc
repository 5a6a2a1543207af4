// Commands about this program and machine: doctor, help, version, completion.
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "runner/cli/commands.h"
#include "runner/cli/completion.h"
#include "runner/cli/console.h"
#include "runner/cli/help.h"
#include "runner/version.h"
#include "sandbox/doctor.h"

namespace slipway::runner {
namespace {

using Status = sandbox::HostCheck::Status;

struct StatusLook {
  std::string_view word;
  Style style;
};

StatusLook look_of(Status status) {
  switch (status) {
    case Status::kOk:
      return {"ok", Style::kGreen};
    case Status::kWarn:
      return {"warn", Style::kYellow};
    case Status::kFail:
      break;
  }
  return {"fail", Style::kRed};
}

Json checks_json(const std::vector<sandbox::HostCheck>& checks) {
  Json list = Json::array();
  for (const sandbox::HostCheck& check : checks) {
    list.push(Json::object({{"name", check.name},
                            {"status", look_of(check.status).word},
                            {"detail", check.detail},
                            {"fix", check.fix}}));
  }
  return list;
}

std::string checks_text(const std::vector<sandbox::HostCheck>& checks, bool colour) {
  std::size_t names = 0;
  for (const sandbox::HostCheck& check : checks) names = std::max(names, display_width(check.name));
  std::string out;
  for (const sandbox::HostCheck& check : checks) {
    const StatusLook look = look_of(check.status);
    out += styled(look.word, look.style, colour) + std::string(6 - look.word.size(), ' ') +
           check.name + std::string(names - display_width(check.name) + 2, ' ') +
           printable(check.detail) + "\n";
    if (!check.fix.empty()) out += std::string(6, ' ') + "fix: " + printable(check.fix) + "\n";
  }
  return out;
}

std::size_t count(const std::vector<sandbox::HostCheck>& checks, Status status) {
  return static_cast<std::size_t>(std::count_if(
      checks.begin(), checks.end(), [&](const auto& check) { return check.status == status; }));
}

std::string verdict(std::size_t fails, std::size_t warnings) {
  if (fails > 0)
    return std::to_string(fails) + (fails == 1 ? " check failed" : " checks failed") +
           ": see the fixes above\n";
  if (warnings > 0)
    return "this machine can run pipelines; " + std::to_string(warnings) +
           " of the checks could be better\n";
  return "this machine can run pipelines\n";
}

}  // namespace

int doctor_command(const Invocation& invocation) {
  const std::vector<sandbox::HostCheck> checks = sandbox::examine_host(state_dir(invocation));
  const std::size_t fails = count(checks, Status::kFail);
  if (invocation.flag("json")) {
    print_data(checks_json(checks).pretty());
  } else {
    print_data(checks_text(checks, wants_colour(invocation, STDOUT_FILENO)));
    print_note(verdict(fails, count(checks, Status::kWarn)));
  }
  return fails > 0 ? exit_code(ErrorCode::kUnsupported) : 0;
}

int help_command(const Invocation& invocation) {
  if (invocation.flag("markdown")) {
    print_data(help_markdown());
    return 0;
  }
  const std::string topic = join(invocation.operands(), " ");
  if (!topic.empty() && !is_command_group(topic) && find_command(topic) == nullptr) {
    std::vector<std::string> names;
    for (const CommandSpec& command : commands()) names.emplace_back(command.path);
    const auto near = did_you_mean(topic, names);
    return usage_failure(invocation, "unknown command \"" + printable(topic) + "\"",
                         near ? "did you mean \"" + *near + "\"?" : "see `runner --help`");
  }
  print_data(
      help_text(topic, {line_width(STDOUT_FILENO), wants_colour(invocation, STDOUT_FILENO)}));
  return 0;
}

int version_command(const Invocation&) {
  print_data(version_line());
  return 0;
}

int completion_command(const Invocation& invocation) {
  print_data(completion_script(invocation.operand(0)));
  return 0;
}

}  // namespace slipway::runner
