// Texts with `${{ … }}` parts.
#include "base/text.h"
#include "pipeline/expand/limits.h"
#include "pipeline/expand/scan.h"

namespace slipway::pipeline {
namespace {

// Collects parts; neighbouring literals become one.
class PartList {
 public:
  void literal(std::string_view text) {
    if (text.empty()) return;
    if (parts_.empty() || parts_.back().expression) parts_.emplace_back();
    parts_.back().literal += text;
  }
  void expression(Expression expression) { parts_.push_back({{}, std::move(expression)}); }
  std::vector<Template::Part> take() { return std::move(parts_); }

 private:
  std::vector<Template::Part> parts_;
};

}  // namespace

Template::Template(std::string literal) : source_(std::move(literal)) {
  if (!source_.empty()) parts_.push_back({source_, std::nullopt});
}

std::optional<Template> Template::parse(std::string_view text, Span span, ExpressionPlace place,
                                        std::vector<Diagnostic>& out) {
  const TextOrigin origin(text, span);
  PartList parts;
  bool failed = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t mark = std::min(text.find(kOpenMark, at), text.size());
    const bool escaped = mark > at && mark < text.size() && text[mark - 1] == '$';
    parts.literal(text.substr(at, mark - at - (escaped ? 1 : 0)));
    at = mark;
    if (mark == text.size()) break;
    if (escaped) {
      parts.literal(kOpenMark);
      at += kOpenMark.size();
      continue;
    }
    const std::optional<MarkedPart> part = marked_part(text, mark);
    if (!part) {
      report_unclosed(origin, mark, out);
      return std::nullopt;
    }
    std::optional<Expression> expression =
        ExpressionBuilder::build(text, part->begin, part->end, origin, place, out);
    if (expression) parts.expression(std::move(*expression));
    failed = failed || !expression;
    at = part->next;
  }
  if (failed) return std::nullopt;
  Template result;
  result.source_ = text;
  result.parts_ = parts.take();
  return result;
}

Result<Value> Template::evaluate(const EvalContext& context) const {
  if (parts_.size() == 1 && parts_[0].expression) return parts_[0].expression->evaluate(context);
  return Value(SLIP_TRY(evaluate_text(context)));
}

Result<std::string> Template::evaluate_text(const EvalContext& context) const {
  std::string text;
  for (const Part& part : parts_) {
    if (!part.expression) {
      text += part.literal;
      continue;
    }
    const Value value = SLIP_TRY(part.expression->evaluate(context));
    text += value.to_text();
    if (text.size() > kMaxTextBytes) {
      const Span span = part.expression->span();
      return fail(ErrorCode::kExhausted, std::to_string(span.line) + ":" +
                                             std::to_string(span.column) +
                                             ": the text is longer than 1 MiB");
    }
  }
  return text;
}

bool Template::is_literal() const {
  for (const Part& part : parts_) {
    if (part.expression) return false;
  }
  return true;
}

bool Template::uses_root(std::string_view root) const {
  for (const Part& part : parts_) {
    if (part.expression && part.expression->uses_root(root)) return true;
  }
  return false;
}

}  // namespace slipway::pipeline
