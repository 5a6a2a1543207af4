// From the option table's values to ExecOptions.
#include "runner/cli/exec_options.h"

#include <array>

#include "base/text.h"
#include "runner/cli/assignment.h"
#include "runner/cli/console.h"

namespace slipway::runner {
namespace {

constexpr long long kMaxParallel = 1024;  // threads; more than any machine runs well

Result<std::vector<Assignment>> assignments(const Invocation& invocation, std::string_view option) {
  std::vector<Assignment> result;
  for (const std::string& text : invocation.list(option)) {
    auto assignment = SLIP_TRY_WITHIN("option --" + std::string(option),
                                      parse_assignment(text, process_environment()));
    if (assignment) result.push_back(*std::move(assignment));
  }
  return result;
}

/// The command that repeats this run; the summary adds `--job NAME`. Resuming and single jobs are left out.
std::string repeat_command(const Invocation& invocation) {
  constexpr std::array<std::string_view, 9> kKept{
      "state", "commit", "env", "input", "event", "branch", "tag", "secret", "secret-file"};
  std::vector<std::string> words{"runner", "exec"};
  words.insert(words.end(), invocation.operands().begin(), invocation.operands().end());
  if (invocation.on_line("allow-host-network")) words.emplace_back("--allow-host-network");
  for (const std::string_view option : kKept) {
    if (!invocation.on_line(option)) continue;  // a variable still stands when it is repeated
    for (const std::string& value : invocation.list(option)) {
      words.push_back("--" + std::string(option));
      words.push_back(value);
    }
  }
  return shell_join(words);
}

}  // namespace

Result<ExecOptions> pipeline_options(const Invocation& invocation) {
  ExecOptions options;
  options.file = invocation.operand(0).empty() ? invocation.value("file") : invocation.operand(0);
  options.commit = invocation.value("commit");
  options.inputs = SLIP_TRY(assignments(invocation, "input"));
  options.event = invocation.value("event");
  options.branch = invocation.value("branch");
  options.tag = invocation.value("tag");
  options.state_dir = state_dir(invocation);
  options.progress = progress_options(invocation);
  return options;
}

Result<ExecOptions> exec_options(const Invocation& invocation) {
  ExecOptions options = SLIP_TRY(pipeline_options(invocation));
  options.jobs = invocation.list("job");
  options.no_needs = invocation.flag("no-needs");
  if (options.no_needs && options.jobs.empty())
    return fail(ErrorCode::kInvalid, "option --no-needs: goes only with --job");
  options.from_step = invocation.value("from");
  options.shell_on_failure = invocation.flag("shell-on-failure");
  options.allow_host_network = invocation.flag("allow-host-network");
  if (invocation.given("jobs")) {
    const auto parallel = parse_int(invocation.value("jobs"));
    if (!parallel || *parallel < 1 || *parallel > kMaxParallel) {
      return fail(ErrorCode::kInvalid, "option --jobs: expected a number from 1 to 1024, not \"" +
                                           printable(invocation.value("jobs")) + "\"");
    }
    options.parallel = static_cast<int>(*parallel);
  }
  options.env = SLIP_TRY(assignments(invocation, "env"));
  options.secret_file = invocation.value("secret-file");
  options.secret_env = invocation.list("secret");
  options.events_file = invocation.value("events");
  options.artifacts_dir = invocation.value("artifacts");
  options.no_memo = invocation.flag("no-memo");
  options.manual = invocation.list("manual");
  options.approved = invocation.list("approve");
  options.ask = !invocation.flag("no-ask");
  options.no_delay = invocation.flag("no-delay");
  options.fail_fast = invocation.flag("fail-fast");
  options.no_concurrency = invocation.flag("no-concurrency");
  options.changed_since = invocation.value("changed-since");
  if (invocation.given("cache-size"))
    options.cache_size =
        SLIP_TRY_WITHIN("option --cache-size", parse_size(invocation.value("cache-size")));
  options.progress.repeat_command = repeat_command(invocation);
  return options;
}

}  // namespace slipway::runner
