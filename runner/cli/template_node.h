#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "runner/cli/template.h"

namespace slipway::runner {

/// What a parenthesis or one word of an action is.
struct TemplateOperand {
  enum class Kind { kField, kVariable, kLiteral, kCall };
  Kind kind = Kind::kField;
  std::vector<std::string> path;  ///< Fields of it; kField: empty is `.` itself.
  Json literal;                   ///< kLiteral.
  std::string
      name;  ///< kVariable: without `$`, "" is what was given first. kCall: the function; arguments
             ///< follow. A pipe's left side is the right side's last argument.
  std::vector<TemplateOperand> arguments;  ///< kField has some when it is a method: `.Label "x"`.
};

struct FormatTemplate::Node {
  enum class Kind { kList, kText, kOutput, kIf, kRange, kWith };
  enum class Variable { kNone, kNew, kKnown };
  Kind kind = Kind::kList;
  std::string text;
  std::vector<std::string> variables;  ///< `$a, $b :=` before the pipeline; at most two.
  Variable variable = Variable::kNone;
  TemplateOperand operand;
  std::vector<Node> body;
  std::vector<Node> otherwise;
};

Result<FormatTemplate::Node> parse_template(std::string_view text);
bool is_template_function(std::string_view name);
Result<Json> call_template_function(const std::string& name, const std::vector<Json>& arguments);
/// As Go prints it: text bare, `[a b]`, `map[k:v]`, `<no value>`.
std::string template_text(const Json& value);
bool template_truth(const Json& value);

}  // namespace slipway::runner
