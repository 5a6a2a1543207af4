#pragma once

#include <map>
#include <string>
#include <vector>

namespace slipway::testing {

struct ShellRun {
  int exit_code = -1;  ///< 128 + signal when killed.
  std::string out;     ///< stdout and stderr together.
};

/// Runs `shell` followed by "-c" and `script` with only PATH and `env` in its environment, in directory `cwd`.
/// A program that cannot be started has exit_code -1.
ShellRun run_shell(std::vector<std::string> shell, const std::string& script,
                   const std::map<std::string, std::string>& env, const std::string& cwd);

}  // namespace slipway::testing
