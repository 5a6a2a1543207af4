#pragma once

#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "runner/execute/assignments.h"
#include "runner/execute/step_environment.h"
#include "sandbox/spec.h"

namespace slipway::runner {

/// What a step wrote for the runner.
struct ExchangeResult {
  Assignments outputs;
  Assignments env;
  std::vector<std::string> path;
  std::string summary;
};

/// The files behind SLIPWAY_OUTPUT, _ENV, _PATH and _SUMMARY: a fresh directory per step, bound at /run/slipway.
class Exchange {
 public:
  static Result<Exchange> make(const std::string& run_dir);
  sandbox::BindMount mount() const;
  /// Reads the files as hostile input: regular files only, at most 1 MiB each; the errors name file and line.
  Result<ExchangeResult> collect() const;

 private:
  explicit Exchange(TempDir dir) : dir_(std::move(dir)) {}
  TempDir dir_;
};

/// SLIPWAY_OUTPUT=/run/slipway/output, …
void set_exchange_variables(StepEnvironment& environment);

}  // namespace slipway::runner
