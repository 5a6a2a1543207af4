// `top`: ps of the machine, restricted to a container's processes.
#include "runner/process_list.h"

#include <algorithm>
#include <set>

#include "base/sys.h"
#include "base/text.h"

namespace slipway::runner {
namespace {

/// Lines of ps whose PID is one of `pids`, under its heading. The heading says which column that is.
Result<std::vector<std::string>> lines_of(const std::string& output, const std::set<int>& pids) {
  std::vector<std::string> kept;
  std::size_t column = 0;
  for (const std::string_view line : split(output, '\n')) {
    const std::vector<std::string> words = words_of(line);
    if (words.empty()) continue;
    if (kept.empty()) {
      const auto found = std::find(words.begin(), words.end(), "PID");
      if (found == words.end())
        return fail(ErrorCode::kInvalid, "list processes: ps prints no PID column; add pid to -o");
      column = static_cast<std::size_t>(found - words.begin());
      kept.emplace_back(line);
      continue;
    }
    const auto pid = column < words.size() ? parse_int(words[column]) : std::nullopt;
    if (pid && pids.contains(static_cast<int>(*pid))) kept.emplace_back(line);
  }
  return kept;
}

/// Restricted to those processes where ps can do that beside the other options; docker does it so.
Result<sys::CommandResult> run_ps(const std::vector<std::string>& argv,
                                  const std::vector<int>& pids) {
  constexpr std::chrono::seconds kPatience{10};
  std::vector<std::string> numbers;
  for (const int pid : pids) numbers.push_back(std::to_string(pid));
  std::vector<std::string> restricted = argv;
  restricted.insert(restricted.end(), {"-q", join(numbers, ",")});
  const sys::CommandResult quick =
      SLIP_TRY_WITHIN("list processes", sys::run_command(restricted, CancelToken(), kPatience));
  if (quick.exit.code == 0 && !quick.exit.signalled) return quick;
  return sys::run_command(argv, CancelToken(), kPatience);
}

}  // namespace

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  for (const std::string_view word : split(line, ' ')) {
    if (!word.empty()) words.emplace_back(word);
  }
  return words;
}

std::vector<std::string> split_columns(const std::string& line, std::size_t columns) {
  std::vector<std::string> fields;
  std::string_view rest = trim(line);
  while (fields.size() + 1 < columns && !rest.empty()) {
    const std::size_t end = rest.find(' ');
    fields.emplace_back(rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : trim(rest.substr(end));
  }
  fields.emplace_back(rest);
  return fields;
}

Result<std::vector<std::string>> list_processes(const std::vector<int>& pids,
                                                std::vector<std::string> arguments) {
  if (arguments.empty()) arguments.emplace_back("-ef");
  arguments.insert(arguments.begin(), "ps");
  const sys::CommandResult ps = SLIP_TRY(run_ps(arguments, pids));
  if (ps.exit.code != 0)
    return fail(ErrorCode::kInvalid,
                "list processes: ps says: " + printable(trim(ps.err.substr(0, 200))));
  return lines_of(ps.out, std::set<int>(pids.begin(), pids.end()));
}

}  // namespace slipway::runner
