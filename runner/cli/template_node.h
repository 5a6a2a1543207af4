#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "runner/cli/template.h"

namespace slipway::runner {

/// What a parenthesis or one word of an action is.
struct TemplateOperand {
  enum class Kind { kField, kLiteral, kCall };
  Kind kind = Kind::kField;
  std::vector<std::string> path;  ///< kField: empty is `.` itself.
  Json literal;                   ///< kLiteral.
  std::string
      function;  ///< kCall; arguments follow. A pipe's left side is the right side's last argument.
  std::vector<TemplateOperand> arguments;
};

struct FormatTemplate::Node {
  enum class Kind { kList, kText, kOutput, kIf, kRange, kWith };
  Kind kind = Kind::kList;
  std::string text;
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
