// Evaluates a parsed expression. Bounded: depth by the parser, memory by one budget for all values made.
#include <cmath>

#include "base/text.h"
#include "base/units.h"
#include "pipeline/expand/functions.h"
#include "pipeline/expand/limits.h"

namespace slipway::pipeline {
namespace {

using Node = Expression::Node;

std::size_t weight(const Value& value) {
  std::size_t total = sizeof(Value);
  if (const std::string* text = value.string()) total += text->size();
  if (const Value::List* items = value.list()) {
    for (const Value& item : *items) total += weight(item);
  }
  if (const Value::Map* members = value.map()) {
    for (const auto& [name, member] : *members) total += name.size() + weight(member);
  }
  return total;
}

// Both as numbers, where a string counts as one when it is written like one: outputs of steps are always strings.
std::optional<double> as_number(const Value& value) {
  if (const double* number = value.number()) return *number;
  return value.string() != nullptr ? parse_number(*value.string()) : std::nullopt;
}

class Evaluator {
 public:
  explicit Evaluator(const EvalContext& context) : context_(context) {}

  Result<Operand> evaluate(const Node& node) {
    switch (node.kind) {
      case NodeKind::kLiteral:
        return Operand::borrow(node.literal);
      case NodeKind::kRoot:
        return member_of(context_.roots, node.name);
      case NodeKind::kMember:
        return member(node);
      case NodeKind::kIndex:
        return index(node);
      case NodeKind::kNot:
        return negate(node);
      case NodeKind::kAll:
        return chain(node, /*stop_at=*/false);
      case NodeKind::kAny:
        return chain(node, /*stop_at=*/true);
      case NodeKind::kCompare:
        return compare(node);
      case NodeKind::kConditional:
        return conditional(node);
      case NodeKind::kList:
        return list(node);
      case NodeKind::kMap:
        return map(node);
      case NodeKind::kCall:
        return call(node);
    }
    return Operand(Value());
  }

  /// The operand as a value of its own, paid from the budget when it has to be copied.
  Result<Value> own(Result<Operand> operand, const Span& span) {
    if (!operand) return fail(std::move(operand).error());
    if (operand->is_borrowed()) SLIP_TRY(charge(operand->get(), span));
    return (*std::move(operand)).take();
  }

 private:
  Status charge(const Value& value, const Span& span) {
    spent_ += weight(value);
    if (spent_ > kMaxEvaluationBytes) {
      return error_at(span, "the values of this expression take more than " +
                                format_size({kMaxEvaluationBytes}) + " together");
    }
    return {};
  }

  static Operand member_of(const Value& container, std::string_view name) {
    const Value* found = container.find(name);
    return found != nullptr ? Operand::borrow(*found) : Operand(Value());
  }

  // A member of a borrowed value is borrowed too; one of a value made here has to be copied out of it.
  Result<Operand> part_of(const Operand& base, const Value* part, const Span& span) {
    if (part == nullptr) return Operand(Value());
    if (base.is_borrowed()) return Operand::borrow(*part);
    SLIP_TRY(charge(*part, span));
    return Operand(*part);
  }

  Result<Operand> member(const Node& node) {
    const Operand base = SLIP_TRY(evaluate(node.children[0]));
    const Value& value = base.get();
    if (value.is_null()) return Operand(Value());
    if (value.map() == nullptr) {
      return error_at(node.span, "cannot take member \"" + printable(node.name) + "\" of a " +
                                     std::string(value.type_name()));
    }
    return part_of(base, value.find(node.name), node.span);
  }

  Result<Operand> index(const Node& node) {
    const Operand base = SLIP_TRY(evaluate(node.children[0]));
    const Operand key = SLIP_TRY(evaluate(node.children[1]));
    const Value& value = base.get();
    if (value.is_null()) return Operand(Value());
    if (value.map() != nullptr &&
        (key.get().string() != nullptr || key.get().number() != nullptr)) {
      return part_of(base, value.find(key.get().to_text()), node.span);
    }
    const double* number = key.get().number();
    if (value.list() != nullptr && number != nullptr) {
      const Value::List& items = *value.list();
      const bool inside = *number >= 0 && *number < static_cast<double>(items.size());
      if (!inside || std::trunc(*number) != *number) return Operand(Value());
      return part_of(base, &items[static_cast<std::size_t>(*number)], node.span);
    }
    return error_at(node.span, "cannot index " + std::string(value.type_name()) + " with " +
                                   std::string(key.get().type_name()));
  }

  Result<Operand> negate(const Node& node) {
    const Operand operand = SLIP_TRY(evaluate(node.children[0]));
    return Operand(Value(!operand.get().truthy()));
  }

  // `&&` gives the first operand that is false, `||` the first that is true, else the last one.
  Result<Operand> chain(const Node& node, bool stop_at) {
    for (std::size_t i = 0; i + 1 < node.children.size(); ++i) {
      Operand operand = SLIP_TRY(evaluate(node.children[i]));
      if (operand.get().truthy() == stop_at) return operand;
    }
    return evaluate(node.children.back());
  }

  Result<Operand> conditional(const Node& node) {
    const Operand condition = SLIP_TRY(evaluate(node.children[0]));
    return evaluate(node.children[condition.get().truthy() ? 1 : 2]);
  }

  Result<Operand> compare(const Node& node) {
    const Operand left = SLIP_TRY(evaluate(node.children[0]));
    const Operand right = SLIP_TRY(evaluate(node.children[1]));
    switch (node.comparison) {
      case Comparison::kEqual:
        return Operand(Value(equal_values(left.get(), right.get())));
      case Comparison::kNotEqual:
        return Operand(Value(!equal_values(left.get(), right.get())));
      case Comparison::kIn:
        return contains(node, left.get(), right.get());
      default:
        return order(node, left.get(), right.get());
    }
  }

  static bool ordered(Comparison comparison, const auto& left, const auto& right) {
    switch (comparison) {
      case Comparison::kLess:
        return left < right;
      case Comparison::kLessEqual:
        return left <= right;
      case Comparison::kGreater:
        return left > right;
      default:
        return left >= right;
    }
  }

  static tl::unexpected<Error> mismatch(const Node& node, const Value& left, const Value& right) {
    return error_at(node.span, "cannot compare " + std::string(left.type_name()) + " with " +
                                   std::string(right.type_name()) + " by \"" +
                                   std::string(comparison_text(node.comparison)) + "\"");
  }

  static Result<Operand> order(const Node& node, const Value& left, const Value& right) {
    if (left.string() != nullptr && right.string() != nullptr) {
      return Operand(Value(ordered(node.comparison, *left.string(), *right.string())));
    }
    const std::optional<double> first = as_number(left);
    const std::optional<double> second = as_number(right);
    if (!first || !second) return mismatch(node, left, right);
    return Operand(Value(ordered(node.comparison, *first, *second)));
  }

  static Result<Operand> contains(const Node& node, const Value& item, const Value& container) {
    if (container.is_null()) return Operand(Value(false));
    if (const Value::List* items = container.list()) {
      for (const Value& one : *items) {
        if (equal_values(item, one)) return Operand(Value(true));
      }
      return Operand(Value(false));
    }
    const bool scalar = item.list() == nullptr && item.map() == nullptr;
    if (scalar && container.map() != nullptr) {
      return Operand(Value(container.find(item.to_text()) != nullptr));
    }
    if (scalar && container.string() != nullptr) {
      return Operand(Value(container.string()->find(item.to_text()) != std::string::npos));
    }
    return mismatch(node, item, container);
  }

  Result<Operand> list(const Node& node) {
    Value::List items;
    items.reserve(node.children.size());
    for (const Node& child : node.children) {
      items.push_back(SLIP_TRY(own(evaluate(child), child.span)));
    }
    return Operand(Value(std::move(items)));
  }

  Result<Operand> map(const Node& node) {
    Value result{Value::Map()};
    for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
      const Node& child = node.children[i + 1];
      result.set(*node.children[i].literal.string(), SLIP_TRY(own(evaluate(child), child.span)));
    }
    return Operand(std::move(result));
  }

  Result<Operand> call(const Node& node) {
    Call call{node, context_, {}};
    call.arguments.reserve(node.children.size());
    for (const Node& child : node.children) call.arguments.push_back(SLIP_TRY(evaluate(child)));
    Value result = SLIP_TRY(node.function->body(call));
    SLIP_TRY(charge(result, node.span));
    return Operand(std::move(result));
  }

  const EvalContext& context_;
  std::size_t spent_ = 0;
};

}  // namespace

tl::unexpected<Error> error_at(const Span& span, const std::string& cause) {
  return fail(ErrorCode::kInvalid,
              std::to_string(span.line) + ":" + std::to_string(span.column) + ": " + cause);
}

bool equal_values(const Value& left, const Value& right) {
  const bool scalars = left.list() == nullptr && left.map() == nullptr && right.list() == nullptr &&
                       right.map() == nullptr;
  if (scalars && (left.string() != nullptr) != (right.string() != nullptr)) {
    return left.to_text() == right.to_text();
  }
  return left == right;
}

Result<Value> Expression::evaluate(const EvalContext& context) const {
  Evaluator evaluator(context);
  return evaluator.own(evaluator.evaluate(*root_), root_->span);
}

}  // namespace slipway::pipeline
