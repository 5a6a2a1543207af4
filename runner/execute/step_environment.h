#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "pipeline/expression.h"
#include "pipeline/plan.h"
#include "runner/execute/assignments.h"

namespace slipway::runner {

/// The environment of one step while it is put together; later settings win. Names are checked, values may not hold
/// NUL.
class StepEnvironment {
 public:
  void set(const std::string& name, std::string value) { values_[name] = std::move(value); }
  void set_all(const Assignments& assignments);
  /// "NAME=value" entries of an image.
  void set_image(const std::vector<std::string>& entries);
  /// Puts directories in front of PATH.
  void prepend_path(const std::vector<std::string>& directories);
  /// Evaluates a layer in order; each value sees the ones before it as `env.NAME`. `roots` gets the new `env`.
  Status evaluate(const pipeline::EnvLayer& layer, pipeline::EvalContext& context);
  /// The variables that stand for expressions in a script.
  Status evaluate(const pipeline::Script& script, pipeline::EvalContext& context);

  std::vector<std::string> entries() const;  ///< "NAME=value", sorted by name.
  const std::map<std::string, std::string>& values() const { return values_; }
  pipeline::Value as_value() const;

 private:
  std::map<std::string, std::string> values_;
};

/// How a shell is started; `script` becomes its last argument.
/// bash and sh stop at the first failing command and in the middle of a pipe, where the shell can.
std::vector<std::string> shell_command(const std::string& shell, const std::string& script);

}  // namespace slipway::runner
