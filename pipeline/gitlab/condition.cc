// The expression language of `rules:if`, `workflow:rules:if`, `include:rules:if` and `only:variables`.
#include "pipeline/gitlab/condition.h"

#include <array>
#include <variant>

#include "base/text.h"
#include "pipeline/check/check_shape.h"
#include "pipeline/expand/functions.h"

namespace slipway::pipeline::gitlab {
namespace {

// As GitLab: a longer one is a mistake or an attack.
constexpr std::size_t kMaxTokens = 100;

enum class Op { kValue, kVariable, kEquals, kDiffers, kMatches, kDiffersFrom, kAnd, kOr };

struct Pattern {
  std::string regex;
};
/// What an operand comes to. A regular expression is a value of its own: it equals nothing.
using Operand = std::variant<std::monostate, bool, std::string, Pattern>;

}  // namespace

struct Condition::Node {
  Op op = Op::kValue;
  Operand value;
  std::string name;
  std::unique_ptr<Node> left;
  std::unique_ptr<Node> right;
};

namespace {

using Node = Condition::Node;

struct OperatorRow {
  std::string_view text;
  Op op;
  int binds;  ///< Higher binds before lower.
};
constexpr std::array<OperatorRow, 6> kOperators{{{"==", Op::kEquals, 3},
                                                 {"!=", Op::kDiffers, 3},
                                                 {"=~", Op::kMatches, 3},
                                                 {"!~", Op::kDiffersFrom, 3},
                                                 {"&&", Op::kAnd, 2},
                                                 {"||", Op::kOr, 1}}};

bool word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Habits of other languages, said by name.
std::string help_for(std::string_view rest) {
  if (rest.starts_with("${")) return "write $NAME without braces";
  if (rest.starts_with('$')) return "a variable is a dollar sign and its name";
  if (rest.starts_with('!')) return "there is no \"not\": compare with == null or use != and !~";
  if (rest.starts_with('=')) return "compare with ==";
  if (rest.starts_with('&')) return "write &&";
  if (rest.starts_with('|')) return "write ||";
  if (rest.starts_with('"') || rest.starts_with('\'')) return "close the quote";
  if (rest.starts_with('/')) return "close the regular expression with /";
  if (rest.starts_with('<') || rest.starts_with('>')) return "only == != =~ !~ compare";
  return "texts stand in quotes, variables begin with $";
}

class Parser {
 public:
  Parser(const yaml::Node& source, std::vector<Diagnostic>& out)
      : source_(source), text_(source.text), out_(out) {}

  std::unique_ptr<Node> run() {
    std::unique_ptr<Node> root = binary(1);
    skip_blank();
    if (root != nullptr && at_ < text_.size()) return fail("unexpected " + here());
    return root;
  }

 private:
  void skip_blank() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
      ++at_;
  }
  std::string_view rest() const { return text_.substr(at_); }
  std::string here() const {
    return at_ < text_.size() ? quoted(rest().substr(0, 20)) : "end of the condition";
  }

  std::unique_ptr<Node> fail(std::string message, std::string help = "") {
    if (std::exchange(failed_, true)) return nullptr;
    Span span = source_.content;
    const bool one_line = source_.style != yaml::Style::kBlock &&
                          text_.substr(0, at_).find('\n') == std::string_view::npos;
    if (one_line) {
      span.column += static_cast<int>(at_);
      span.end_line = span.line;
      span.end_column = span.column + 1;
    } else {
      span = source_.span;
    }
    report(out_, span, std::move(message), help.empty() ? help_for(rest()) : std::move(help));
    return nullptr;
  }

  bool token() {
    if (++tokens_ <= kMaxTokens) return true;
    fail("a condition of more than 100 parts");
    return false;
  }

  const OperatorRow* peek_operator() {
    skip_blank();
    for (const OperatorRow& row : kOperators)
      if (rest().starts_with(row.text)) return &row;
    return nullptr;
  }

  std::unique_ptr<Node> binary(int level) {
    if (level > 3) return operand();
    std::unique_ptr<Node> left = binary(level + 1);
    while (left != nullptr) {
      const OperatorRow* row = peek_operator();
      if (row == nullptr || row->binds != level) return left;
      if (!token()) return nullptr;
      at_ += row->text.size();
      std::unique_ptr<Node> right = binary(level + 1);
      if (right == nullptr) return nullptr;
      auto node = std::make_unique<Node>();
      node->op = row->op;
      node->left = std::move(left);
      node->right = std::move(right);
      left = std::move(node);
    }
    return nullptr;
  }

  static std::unique_ptr<Node> value(Operand operand) {
    auto node = std::make_unique<Node>();
    node->value = std::move(operand);
    return node;
  }

  std::unique_ptr<Node> operand() {
    skip_blank();
    if (failed_ || !token()) return nullptr;
    if (at_ == text_.size()) return fail("a value is missing at the end of the condition");
    const char first = text_[at_];
    if (first == '(') return group();
    if (first == '$') return variable();
    if (first == '"' || first == '\'') return text();
    if (first == '/') return regex();
    std::size_t end = at_;
    while (end < text_.size() && word_char(text_[end])) ++end;
    const std::string_view word = text_.substr(at_, end - at_);
    const bool known = word == "null" || word == "true" || word == "false";
    if (!known) return fail("expected a value, found " + here());
    at_ = end;
    return value(word == "null" ? Operand() : Operand(word == "true"));
  }

  std::unique_ptr<Node> group() {
    ++at_;
    std::unique_ptr<Node> inside = binary(1);
    if (inside == nullptr) return nullptr;
    skip_blank();
    if (!rest().starts_with(')')) return fail("a parenthesis is not closed");
    ++at_;
    return inside;
  }

  std::unique_ptr<Node> variable() {
    std::size_t end = at_ + 1;
    while (end < text_.size() && word_char(text_[end])) ++end;
    if (end == at_ + 1) return fail("expected a variable, found " + here());
    auto node = std::make_unique<Node>();
    node->op = Op::kVariable;
    node->name = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end;
    return node;
  }

  std::unique_ptr<Node> text() {
    const std::size_t end = text_.find(text_[at_], at_ + 1);
    if (end == std::string_view::npos) return fail("a text is not closed");
    std::string inside(text_.substr(at_ + 1, end - at_ - 1));
    at_ = end + 1;
    return value(Operand(std::move(inside)));
  }

  std::unique_ptr<Node> regex() {
    std::size_t end = at_ + 1;
    while (end < text_.size() && text_[end] != '/') end += text_[end] == '\\' ? 2 : 1;
    if (end >= text_.size()) return fail("a regular expression is not closed");
    ++end;
    while (end < text_.size() && std::string_view("ismU").find(text_[end]) < 4) ++end;
    const std::string_view literal = text_.substr(at_, end - at_);
    std::optional<std::string> pattern = regex_of_literal(literal);
    if (!pattern) return fail("an empty regular expression");
    if (const Result<bool> tried = regex_search("", *pattern); !tried)
      return fail(printable(tried.error().text()), "the syntax is RE2's");
    at_ = end;
    return value(Operand(Pattern{*std::move(pattern)}));
  }

  const yaml::Node& source_;
  std::string_view text_;
  std::vector<Diagnostic>& out_;
  std::size_t at_ = 0;
  std::size_t tokens_ = 0;
  bool failed_ = false;
};

bool is_yes(const Operand& operand) {
  if (std::holds_alternative<std::monostate>(operand)) return false;
  const bool* flag = std::get_if<bool>(&operand);
  return flag == nullptr || *flag;
}

std::string text_of(const Operand& operand) {
  if (const auto* text = std::get_if<std::string>(&operand)) return *text;
  if (const bool* flag = std::get_if<bool>(&operand)) return *flag ? "true" : "false";
  return {};
}

bool equal(const Operand& left, const Operand& right) {
  if (std::holds_alternative<Pattern>(left) || std::holds_alternative<Pattern>(right)) return false;
  if (left.index() != right.index()) return false;
  return std::holds_alternative<std::monostate>(left) || text_of(left) == text_of(right);
}

// A variable may hold a literal regular expression. Any other text on the right is searched for the left one: that is
// what GitLab's library call comes to.
Result<bool> matches(const Operand& left, const Operand& right) {
  if (std::holds_alternative<std::monostate>(right)) return false;
  const std::string text = text_of(left);
  if (const auto* pattern = std::get_if<Pattern>(&right)) return regex_search(text, pattern->regex);
  const std::string brought = text_of(right);
  if (const std::optional<std::string> pattern = regex_of_literal(brought))
    return regex_search(text, *pattern);
  return !text.empty() && brought.find(text) != std::string::npos;
}

Result<Operand> evaluate(const Node& node, const VariableLookup& lookup) {
  if (node.op == Op::kValue) return node.value;
  if (node.op == Op::kVariable) {
    std::optional<std::string> value = lookup(node.name);
    return value ? Operand(*std::move(value)) : Operand();
  }
  Operand left = SLIP_TRY(evaluate(*node.left, lookup));
  if (node.op == Op::kAnd && !is_yes(left)) return left;
  if (node.op == Op::kOr && is_yes(left)) return left;
  Operand right = SLIP_TRY(evaluate(*node.right, lookup));
  switch (node.op) {
    case Op::kEquals:
      return Operand(equal(left, right));
    case Op::kDiffers:
      return Operand(!equal(left, right));
    case Op::kMatches:
      return Operand(SLIP_TRY(matches(left, right)));
    case Op::kDiffersFrom:
      return Operand(!SLIP_TRY(matches(left, right)));
    default:
      return right;
  }
}

}  // namespace

std::optional<std::string> regex_of_literal(std::string_view text) {
  const std::size_t end = text.rfind('/');
  if (!text.starts_with('/') || end < 2 || end == std::string_view::npos) return std::nullopt;
  const std::string_view flags = text.substr(end + 1);
  if (flags.find_first_not_of("ismU") != std::string_view::npos) return std::nullopt;
  std::string pattern = flags.empty() ? "" : "(?" + std::string(flags) + ")";
  const std::string_view inside = text.substr(1, end - 1);
  for (std::size_t at = 0; at < inside.size(); ++at) {
    if (inside.substr(at, 2) == "\\/") ++at;
    pattern += inside[at];
  }
  return pattern;
}

std::optional<Condition> Condition::parse(const yaml::Node& text, std::vector<Diagnostic>& out) {
  if (!text.is_scalar()) return std::nullopt;
  std::unique_ptr<Node> root = Parser(text, out).run();
  if (root == nullptr) return std::nullopt;
  Condition condition;
  condition.root_ = std::move(root);
  return condition;
}

Result<bool> Condition::holds(const VariableLookup& lookup) const {
  const Operand result = SLIP_TRY(evaluate(*root_, lookup));
  const auto* text = std::get_if<std::string>(&result);
  return is_yes(result) && (text == nullptr || !text->empty());
}

}  // namespace slipway::pipeline::gitlab
