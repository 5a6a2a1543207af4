#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/expression.h"

namespace slipway::pipeline {

/// The text begins at ci.yml 10:5.
inline constexpr Span kPlace{0, 10, 5, 10, 5};

inline std::optional<Expression> parse_quietly(std::string_view text,
                                               std::vector<Diagnostic>& found,
                                               ExpressionPlace place = ExpressionPlace::kEnvValue) {
  return Expression::parse(text, kPlace, place, found);
}

/// Messages (and helps after " | ") of all findings of a parse, one a line, in front of them `line:column: `.
inline std::string describe(const std::vector<Diagnostic>& found) {
  std::string text;
  for (const Diagnostic& one : found) {
    text +=
        std::to_string(one.span.line) + ":" + std::to_string(one.span.column) + ": " + one.message;
    if (!one.help.empty()) text += " | " + one.help;
    text += "\n";
  }
  return text;
}

inline std::string parse_errors(std::string_view text,
                                ExpressionPlace place = ExpressionPlace::kEnvValue) {
  std::vector<Diagnostic> found;
  const bool parsed = parse_quietly(text, found, place).has_value();
  EXPECT_EQ(parsed, found.empty()) << text;
  return describe(found);
}

/// JSON of the value, or "error: …".
inline std::string evaluated(std::string_view text, const EvalContext& context) {
  std::vector<Diagnostic> found;
  const std::optional<Expression> expression = parse_quietly(text, found);
  if (!expression) return "parse: " + describe(found);
  const Result<Value> value = expression->evaluate(context);
  return value ? value->to_json().dump() : "error: " + value.error().text();
}

}  // namespace slipway::pipeline
