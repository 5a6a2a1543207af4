// Parses and evaluates arbitrary templates and expressions: no crash, no hang, results within their bounds, places
// within the text.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/json.h"
#include "pipeline/expression.h"

namespace {

using namespace slipway;
using namespace slipway::pipeline;

constexpr std::size_t kMaxResult = std::size_t{17}
                                   << 20;  // the budget of values, and one text over it

EvalContext sample() {
  EvalContext context;
  context.roots = Value::from_json(*parse_json(
      R"({"branch": "main", "env": {"A": "1", "B": "x,y"}, "matrix": {"n": 3, "l": [1, "a", {"b": null}]}})"));
  return context;
}

void check(bool holds) {
  if (!holds) std::abort();
}

void check_places(const std::vector<Diagnostic>& found) {
  for (const Diagnostic& one : found) {
    check(!one.message.empty());
    check(one.span.line >= 1 && one.span.column >= 1 && one.span.end_line >= one.span.line);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const EvalContext context = sample();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Span place{0, 1, 1, 1, 1};
  std::vector<Diagnostic> found;

  const std::optional<Expression> expression =
      Expression::parse(text, place, ExpressionPlace::kCondition, found);
  check(expression.has_value() == found.empty());
  check_places(found);
  if (expression) {
    expression->references("matrix");
    expression->asks_status();
    const Result<Value> value = expression->evaluate(context);
    if (value) check(value->to_text().size() <= 6 * kMaxResult);
    if (!value) check(!value.error().text().empty());
  }

  found.clear();
  const std::optional<Template> whole =
      Template::parse(text, place, ExpressionPlace::kEnvValue, found);
  check(whole.has_value() == found.empty());
  check_places(found);
  if (whole) {
    const Result<std::string> result = whole->evaluate_text(context);
    if (result && !whole->is_literal()) check(result->size() <= 6 * kMaxResult);
  }
  return 0;
}
