#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "runner/logs/masker.h"

namespace slipway::runner {

/// The secrets of one local run. Values never appear in errors.
struct Secrets {
  std::map<std::string, std::string> values;
  SecretSet mask;
};

/// `file`: NAME=value lines (quotes as in a shell word, `#` comments, `NAME<<END` blocks), at most 1 MiB, readable
/// by its owner only.
/// `from_environment`: names taken from this process's own environment.
Result<Secrets> load_secrets(const std::string& file,
                             const std::vector<std::string>& from_environment);

}  // namespace slipway::runner
