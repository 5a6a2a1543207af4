#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/diagnostic.h"
#include "pipeline/variables.h"
#include "pipeline/yaml/node.h"

namespace slipway::pipeline::gitlab {

/// `rules:if` and the like. Grammar (comparison binds before &&, && before ||):
///   or := and ("||" and)*   and := compare ("&&" compare)*   compare := operand (("=="|"!="|"=~"|"!~") operand)*
///   operand := $NAME | "text" | 'text' | /regex/flags | null | true | false | ( or )
/// && and || return one of their operands: null and false are no, an empty text is no only as the whole result.
/// Spec: docs.gitlab.com/ci/jobs/job_rules, "CI/CD variable expressions".
class Condition {
 public:
  struct Node;
  /// Errors go to `out` with the place of the bad part; nullopt if any.
  static std::optional<Condition> parse(const yaml::Node& text, std::vector<Diagnostic>& out);
  /// True or false; the error is a regular expression that a variable brought and that does not compile.
  Result<bool> holds(const VariableLookup& lookup) const;

 private:
  std::shared_ptr<const Node> root_;
};

/// `/regex/flags` as RE2 takes it; nullopt when the text has another form.
std::optional<std::string> regex_of_literal(std::string_view text);

}  // namespace slipway::pipeline::gitlab
