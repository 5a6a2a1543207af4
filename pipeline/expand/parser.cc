// Recursive descent over the tokens of one expression. Grammar: docs/expressions.md.
#include <array>

#include "base/text.h"
#include "pipeline/expand/functions.h"
#include "pipeline/expand/limits.h"
#include "pipeline/expand/syntax.h"

namespace slipway::pipeline {
namespace {

using Node = Expression::Node;

const std::vector<std::string>& context_names() {
  static const std::vector<std::string> names{
      "event", "branch", "tag",   "sha",   "ref", "repository", "actor", "inputs",
      "env",   "matrix", "steps", "needs", "job", "run",        "agent", "secrets"};
  return names;
}

struct NameHint {
  std::string_view name;
  std::string_view help;
};
// Names people bring from other systems, which are too far from ours for a did-you-mean.
constexpr std::array<NameHint, 6> kForeignNames{{
    {"github", "its values stand directly: branch, tag, sha, ref, event, actor, repository"},
    {"gitlab", "its values stand directly: branch, tag, sha, ref, event, actor, repository"},
    {"vars", "variables of the pipeline stand in env"},
    {"runner", "the machine is called agent"},
    {"strategy", "the values of this instance stand in matrix"},
    {"hashFiles", "the function is called hash: hash('package-lock.json')"},
}};

struct ComparisonRow {
  std::string_view text;
  Comparison comparison;
};
constexpr std::array<ComparisonRow, 7> kComparisons{{
    {"==", Comparison::kEqual},
    {"!=", Comparison::kNotEqual},
    {"<", Comparison::kLess},
    {"<=", Comparison::kLessEqual},
    {">", Comparison::kGreater},
    {">=", Comparison::kGreaterEqual},
    {"in", Comparison::kIn},
}};

struct PlaceRow {
  ExpressionPlace place;
  bool secrets;
  std::string_view name;
  std::string_view help;
};
constexpr std::array<PlaceRow, 5> kPlaces{{
    {ExpressionPlace::kCondition, false, "a condition",
     "let the script decide: pass it with env: { NAME: ${{ secrets.NAME }} }"},
    {ExpressionPlace::kEnvValue, true, "", ""},
    {ExpressionPlace::kWith, true, "", ""},
    {ExpressionPlace::kName, false, "a name", "names are shown and stored in clear"},
    {ExpressionPlace::kRun, false, "a script",
     "pass it with env: { NAME: ${{ secrets.NAME }} } and write \"$NAME\" in the script"},
}};

const PlaceRow& place_row(ExpressionPlace place) {
  for (const PlaceRow& row : kPlaces) {
    if (row.place == place) return row;
  }
  return kPlaces[0];
}

std::string quoted(std::string_view text) { return "\"" + printable(text) + "\""; }

// The nearest known name, a word for people from other systems, or all known names.
std::string name_help(std::string_view name, const std::vector<std::string>& known) {
  for (const NameHint& hint : kForeignNames) {
    if (hint.name == name) return std::string(hint.help);
  }
  if (const std::optional<std::string> near = did_you_mean(name, known)) {
    return "did you mean " + quoted(*near) + "?";
  }
  return "known are " + join(known, ", ");
}

class Parser {
 public:
  Parser(std::string_view text, std::size_t offset, const TextOrigin& origin, ExpressionPlace place,
         std::vector<Diagnostic>& out)
      : text_(text), offset_(offset), origin_(origin), place_(place), out_(out) {}

  std::optional<Node> run() {
    std::optional<SyntaxError> error;
    std::optional<std::vector<Token>> tokens = tokenize(text_, error);
    if (!tokens) {
      report(error->begin, error->end, error->message, error->help);
      return std::nullopt;
    }
    tokens_ = std::move(*tokens);
    if (peek().kind == TokenKind::kEnd) {
      report(peek(), "empty expression", "write a value, for example ${{ branch }}");
      return std::nullopt;
    }
    std::optional<Node> node = conditional();
    if (node && peek().kind != TokenKind::kEnd) unexpected("end of expression");
    return failed_ ? std::nullopt : std::move(node);
  }

 private:
  // One level of recursion; the limit bounds the stack of parser, evaluator and destructor.
  class Level {
   public:
    explicit Level(int& depth) : depth_(depth) { ++depth_; }
    ~Level() { --depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    bool too_deep() const { return depth_ > kMaxExpressionDepth; }

   private:
    int& depth_;
  };

  const Token& peek(std::size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  bool is_operator(std::string_view text, std::size_t ahead = 0) const {
    return peek(ahead).kind == TokenKind::kOperator && peek(ahead).text == text;
  }
  const Token& take() { return tokens_[std::min(at_++, tokens_.size() - 1)]; }
  bool accept(std::string_view text) {
    if (!is_operator(text)) return false;
    ++at_;
    return true;
  }
  bool expect(std::string_view text) {
    if (accept(text)) return true;
    unexpected(quoted(text));
    return false;
  }

  Span span_of(const Token& token) const {
    return origin_.at(offset_ + token.begin, offset_ + token.end);
  }
  void report(std::size_t begin, std::size_t end, std::string message, std::string help) {
    failed_ = true;
    out_.push_back({Severity::kError,
                    origin_.at(offset_ + begin, offset_ + end),
                    std::move(message),
                    std::move(help),
                    {}});
  }
  void report(const Token& token, std::string message, std::string help = {}) {
    report(token.begin, token.end, std::move(message), std::move(help));
  }
  std::nullopt_t unexpected(const std::string& wanted) {
    const Token& token = peek();
    const std::string found =
        token.kind == TokenKind::kEnd ? "end of expression" : quoted(token.text);
    report(token, "unexpected " + found + ", expected " + wanted);
    return std::nullopt;
  }
  std::nullopt_t too_deep() {
    report(peek(), "expression is nested deeper than " + std::to_string(kMaxExpressionDepth));
    return std::nullopt;
  }

  Node node(NodeKind kind, const Token& token) const {
    Node result;
    result.kind = kind;
    result.span = span_of(token);
    return result;
  }

  std::optional<Node> conditional() {
    const Level level(depth_);
    if (level.too_deep()) return too_deep();
    std::optional<Node> condition = any();
    if (!condition || !is_operator("?")) return condition;
    Node result = node(NodeKind::kConditional, take());
    std::optional<Node> yes = conditional();
    if (!yes || !expect(":")) return std::nullopt;
    std::optional<Node> no = conditional();
    if (!no) return std::nullopt;
    result.children.push_back(std::move(*condition));
    result.children.push_back(std::move(*yes));
    result.children.push_back(std::move(*no));
    return result;
  }

  std::optional<Node> any() { return chain("||", NodeKind::kAny, &Parser::all); }
  std::optional<Node> all() { return chain("&&", NodeKind::kAll, &Parser::comparison); }

  // One flat node for a whole chain: its length then costs no depth.
  std::optional<Node> chain(std::string_view op, NodeKind kind,
                            std::optional<Node> (Parser::*operand)()) {
    std::optional<Node> first = (this->*operand)();
    if (!first || !is_operator(op)) return first;
    Node result = node(kind, peek());
    result.children.push_back(std::move(*first));
    while (accept(op)) {
      std::optional<Node> next = (this->*operand)();
      if (!next) return std::nullopt;
      result.children.push_back(std::move(*next));
    }
    return result;
  }

  std::optional<Comparison> comparison_at() const {
    for (const ComparisonRow& row : kComparisons) {
      if (peek().kind != TokenKind::kString && peek().text == row.text) return row.comparison;
    }
    return std::nullopt;
  }

  std::optional<Node> comparison() {
    std::optional<Node> left = unary();
    if (!left) return left;
    const std::optional<Comparison> found = comparison_at();
    if (!found) return left;
    Node result = node(NodeKind::kCompare, take());
    result.comparison = *found;
    std::optional<Node> right = unary();
    if (!right) return std::nullopt;
    if (comparison_at()) {
      report(peek(), "comparisons cannot be chained",
             "join two comparisons with \"&&\" or use parentheses");
      return std::nullopt;
    }
    result.children.push_back(std::move(*left));
    result.children.push_back(std::move(*right));
    return result;
  }

  std::optional<Node> unary() {
    if (!is_operator("!")) return postfix();
    const Level level(depth_);
    if (level.too_deep()) return too_deep();
    Node result = node(NodeKind::kNot, take());
    std::optional<Node> operand = unary();
    if (!operand) return std::nullopt;
    result.children.push_back(std::move(*operand));
    return result;
  }

  std::optional<Node> postfix() {
    std::optional<Node> result = primary();
    for (int links = 0; result && (is_operator(".") || is_operator("[")); ++links) {
      if (depth_ + links >= kMaxExpressionDepth) return too_deep();
      result = is_operator(".") ? member(std::move(*result)) : index(std::move(*result));
    }
    return result;
  }

  std::optional<Node> member(Node base) {
    take();
    if (peek().kind != TokenKind::kName) return unexpected("a name after \".\"");
    Node result = node(NodeKind::kMember, peek());
    result.name = take().text;
    result.children.push_back(std::move(base));
    return result;
  }

  std::optional<Node> index(Node base) {
    Node result = node(NodeKind::kIndex, take());
    std::optional<Node> key = conditional();
    if (!key || !expect("]")) return std::nullopt;
    result.children.push_back(std::move(base));
    result.children.push_back(std::move(*key));
    return result;
  }

  std::optional<Node> primary() {
    const Token& token = peek();
    if (token.kind == TokenKind::kNumber || token.kind == TokenKind::kString) {
      Node result = node(NodeKind::kLiteral, token);
      result.literal = take().value;
      return result;
    }
    if (token.kind == TokenKind::kName) return is_operator("(", 1) ? call() : name();
    if (is_operator("(")) return parenthesised();
    if (is_operator("[")) return list();
    if (is_operator("{")) return map();
    return unexpected("a value");
  }

  std::optional<Node> parenthesised() {
    take();
    std::optional<Node> inner = conditional();
    if (!inner || !expect(")")) return std::nullopt;
    return inner;
  }

  // Items up to `close`; the opening bracket is taken already.
  bool items(std::string_view close, std::vector<Node>& out) {
    if (accept(close)) return true;
    do {
      std::optional<Node> item = conditional();
      if (!item) return false;
      out.push_back(std::move(*item));
    } while (accept(","));
    if (accept(close)) return true;
    unexpected("\",\" or " + quoted(close));
    return false;
  }

  std::optional<Node> list() {
    Node result = node(NodeKind::kList, take());
    if (!items("]", result.children)) return std::nullopt;
    return result;
  }

  std::optional<Node> map() {
    Node result = node(NodeKind::kMap, take());
    if (accept("}")) return result;
    do {
      const Token& key = peek();
      if (key.kind != TokenKind::kName && key.kind != TokenKind::kString)
        return unexpected("a key");
      Node name = node(NodeKind::kLiteral, key);
      name.literal = key.kind == TokenKind::kString ? key.value : Value(key.text);
      take();
      if (!expect(":")) return std::nullopt;
      std::optional<Node> value = conditional();
      if (!value) return std::nullopt;
      result.children.push_back(std::move(name));
      result.children.push_back(std::move(*value));
    } while (accept(","));
    if (!expect("}")) return std::nullopt;
    return result;
  }

  std::optional<Node> name() {
    const Token& token = take();
    Node result = node(NodeKind::kLiteral, token);
    if (token.text == "null") return result;
    if (token.text == "true" || token.text == "false") {
      result.literal = Value(token.text == "true");
      return result;
    }
    result.kind = NodeKind::kRoot;
    result.name = token.text;
    check_root(token);
    return result;
  }

  void check_root(const Token& token) {
    if (find_function(token.text) != nullptr) {
      return report(token, "function " + quoted(token.text) + " needs parentheses",
                    "write " + std::string(find_function(token.text)->usage));
    }
    bool known = false;
    for (const std::string& name : context_names()) known = known || name == token.text;
    if (!known) {
      return report(token, "unknown context " + quoted(token.text),
                    name_help(token.text, context_names()));
    }
    const PlaceRow& row = place_row(place_);
    if (token.text == "secrets" && !row.secrets) {
      report(token, "secrets cannot be used in " + std::string(row.name), std::string(row.help));
    }
  }

  std::optional<Node> call() {
    const Token& token = take();
    Node result = node(NodeKind::kCall, token);
    result.name = token.text;
    take();
    if (!items(")", result.children)) return std::nullopt;
    result.function = find_function(token.text);
    if (result.function == nullptr) {
      report(token, "unknown function " + quoted(token.text),
             name_help(token.text, function_names()));
      return std::nullopt;
    }
    check_arguments(token, result);
    return result;
  }

  void check_arguments(const Token& token, const Node& call) {
    const Function& function = *call.function;
    const std::size_t count = call.children.size();
    if (count < function.min_arguments || count > function.max_arguments) {
      return report(token,
                    "function " + quoted(token.text) + " does not take " + std::to_string(count) +
                        (count == 1 ? " argument" : " arguments"),
                    "write " + std::string(function.usage));
    }
    // A pattern that is written out can be judged before anything runs.
    if (function.name != "matches" || call.children[1].kind != NodeKind::kLiteral) return;
    const std::string* pattern = call.children[1].literal.string();
    if (pattern == nullptr) return;
    const Result<bool> compiled = regex_search("", *pattern);
    if (compiled) return;
    failed_ = true;
    out_.push_back({Severity::kError, call.children[1].span, compiled.error().text(), "", {}});
  }

  std::string_view text_;
  std::size_t offset_;
  const TextOrigin& origin_;
  ExpressionPlace place_;
  std::vector<Diagnostic>& out_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool failed_ = false;
};

}  // namespace

std::optional<Node> parse_expression(std::string_view text, std::size_t begin, std::size_t end,
                                     const TextOrigin& origin, ExpressionPlace place,
                                     std::vector<Diagnostic>& out) {
  if (end - begin > kMaxExpressionBytes) {
    out.push_back({Severity::kError,
                   origin.at(begin, end),
                   "expression is longer than " + std::to_string(kMaxExpressionBytes) + " bytes",
                   "compute the value in a step and pass it as an output",
                   {}});
    return std::nullopt;
  }
  return Parser(text.substr(begin, end - begin), begin, origin, place, out).run();
}

std::string_view comparison_text(Comparison comparison) {
  for (const ComparisonRow& row : kComparisons) {
    if (row.comparison == comparison) return row.text;
  }
  return "";
}

}  // namespace slipway::pipeline
