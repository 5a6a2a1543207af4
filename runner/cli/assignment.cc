// NAME=value words and files of them, as docker reads --env and --env-file.
#include "runner/cli/assignment.h"

#include "base/files.h"
#include "base/text.h"

namespace slipway::runner {

Result<std::optional<Assignment>> parse_assignment(const std::string& text,
                                                   const Environment& environment) {
  const std::size_t equals = text.find('=');
  const std::string name = text.substr(0, equals);
  if (name.empty())
    return fail(ErrorCode::kInvalid,
                "parse \"" + printable(text) + "\": no name before the equals sign");
  if (text.find('\0') != std::string::npos)
    return fail(ErrorCode::kInvalid, "parse variable " + printable(name) + ": NUL byte");
  if (equals != std::string::npos) return Assignment(name, text.substr(equals + 1));
  const std::optional<std::string> value = environment(name);
  if (!value) return std::optional<Assignment>();
  return Assignment(name, *value);
}

Result<std::vector<Assignment>> read_env_file(const std::string& path,
                                              const Environment& environment) {
  const std::string text = SLIP_TRY(read_file(path, 1_MiB));
  std::vector<Assignment> assignments;
  int number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    while (line.starts_with(' ') || line.starts_with('\t')) line.remove_prefix(1);
    if (line.empty() || line.starts_with('#')) continue;
    const std::string where = path + ":" + std::to_string(number);
    auto assignment = SLIP_TRY_WITHIN(where, parse_assignment(std::string(line), environment));
    if (assignment && assignment->first.find_first_of(" \t") != std::string::npos) {
      return fail(ErrorCode::kInvalid, where + ": parse \"" + printable(assignment->first) +
                                           "\": white space in the name");
    }
    if (assignment) assignments.push_back(*std::move(assignment));
  }
  return assignments;
}

}  // namespace slipway::runner
