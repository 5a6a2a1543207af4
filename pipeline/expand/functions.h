#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/expand/syntax.h"

namespace slipway::pipeline {

/// A value that is either owned or borrowed from the contexts (which outlive the evaluation): indexing into a large
/// context then copies only the leaf.
class Operand {
 public:
  Operand(Value value) : owned_(std::move(value)) {}
  static Operand borrow(const Value& value) {
    Operand operand{Value()};
    operand.borrowed_ = &value;
    return operand;
  }
  bool is_borrowed() const { return borrowed_ != nullptr; }
  const Value& get() const { return borrowed_ != nullptr ? *borrowed_ : owned_; }
  Value take() && { return borrowed_ != nullptr ? *borrowed_ : std::move(owned_); }

 private:
  Value owned_;
  const Value* borrowed_ = nullptr;
};

/// One call: the arguments' number is already checked.
struct Call {
  const Expression::Node& node;
  const EvalContext& context;
  std::vector<Operand> arguments;

  const Value& argument(std::size_t index) const { return arguments[index].get(); }
  tl::unexpected<Error> error(const std::string& cause) const;
};

/// Whether a call asks how the run stands (it then replaces the implied success()).
enum class Asks { kNone, kStatus };

struct Function {
  std::string_view name;
  std::size_t min_arguments;
  std::size_t max_arguments;
  std::string_view usage;
  Result<Value> (*body)(const Call& call);
  Asks asks = Asks::kNone;
};

const Function* find_function(std::string_view name);
std::vector<std::string> function_names();

/// Equality of the language: a string and another scalar are compared as text, other mixed types are unequal.
bool equal_values(const Value& left, const Value& right);
/// A whole text that is a decimal number.
std::optional<double> parse_number(std::string_view text);
/// `line:column: cause` of an evaluation error.
tl::unexpected<Error> error_at(const Span& span, const std::string& cause);

/// RE2 search with a bounded program; kInvalid for a bad pattern, its text without a place.
Result<bool> regex_search(std::string_view text, std::string_view pattern);

/// Bodies that need more than a line (text_functions.cc).
Result<Value> call_format(const Call& call);
Result<Value> call_join(const Call& call);
Result<Value> call_split(const Call& call);
Result<Value> call_replace(const Call& call);
/// A scalar argument as text; a list or map is an error.
Result<std::string> text_argument(const Call& call, std::size_t index);

}  // namespace slipway::pipeline
