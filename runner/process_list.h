#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace slipway::runner {

/// What ps(1) of this machine prints for these processes: its heading, then their lines. `arguments` are ps's own
/// ("-ef" without any). kInvalid when ps refuses them or prints no PID column. Docker API: "List processes".
Result<std::vector<std::string>> list_processes(const std::vector<int>& pids,
                                                std::vector<std::string> arguments);
/// The words of a line of ps, of which the last one keeps its blanks.
std::vector<std::string> split_columns(const std::string& line, std::size_t columns);
std::vector<std::string> words_of(std::string_view line);

}  // namespace slipway::runner
