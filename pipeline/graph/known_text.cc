// Templates with what a plan knows filled in.
#include "pipeline/graph/known_text.h"

#include <algorithm>
#include <array>

namespace slipway::pipeline {
namespace {

// What is fixed for an instance is shown as its value; what only a run knows stays an expression.
bool is_known(const Expression& expression) {
  static constexpr std::array<std::string_view, 15> kOthers{
      "event", "branch", "tag",   "sha", "ref", "repository", "actor",  "inputs",
      "env",   "steps",  "needs", "job", "run", "agent",      "secrets"};
  return expression.uses_root("matrix") && !expression.asks_status() &&
         std::none_of(kOthers.begin(), kOthers.end(),
                      [&](std::string_view root) { return expression.uses_root(root); });
}

}  // namespace

std::string known_text(const Template& text, const Value& matrix) {
  EvalContext context;
  context.roots.set("matrix", matrix);
  std::string out;
  for (const Template::Part& part : text.parts()) {
    if (!part.expression) {
      out += part.literal;
      continue;
    }
    Result<Value> known = fail(ErrorCode::kNotFound, "known only in a run");
    if (is_known(*part.expression)) known = part.expression->evaluate(context);
    out += known ? known->to_text() : "${{ " + part.expression->text() + " }}";
  }
  return out;
}

}  // namespace slipway::pipeline
