// Text to template nodes: actions in {{ }}, nested if, range and with.
#include <optional>

#include "base/text.h"
#include "runner/cli/template_node.h"

namespace slipway::runner {
namespace {

using Node = FormatTemplate::Node;

constexpr std::size_t kMaxText = std::size_t{64} << 10;
constexpr int kMaxDepth =
    32;  // deeper than any template a person writes, far from the end of the stack

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

class TemplateParser {
 public:
  explicit TemplateParser(std::string_view text) : text_(text) {}

  Result<Node> parse() {
    if (text_.size() > kMaxText) return error("longer than 64 KiB");
    Node root;
    SLIP_TRY(parse_list(root.body, 0));
    if (!closing_.empty()) return error("{{" + closing_ + "}} without a beginning");
    return root;
  }

 private:
  tl::unexpected<Error> error(const std::string& cause) const {
    return fail(ErrorCode::kInvalid, "parse template: 1:" + std::to_string(at_ + 1) + ": " + cause);
  }

  /// Up to the end or a closing action ("end", "else"), which is left in closing_.
  Status parse_list(std::vector<Node>& nodes, int depth) {
    if (depth > kMaxDepth) return error("nested too deeply");
    closing_.clear();
    while (at_ < text_.size()) {
      const std::size_t open = text_.find("{{", at_);
      std::string_view plain =
          text_.substr(at_, open == std::string_view::npos ? open : open - at_);
      if (open != std::string_view::npos && text_.substr(open).starts_with("{{- "))
        plain = trim_right(plain);
      if (trim_next_) plain = trim_left(plain);
      trim_next_ = false;
      if (!plain.empty()) add_text(nodes, plain);
      if (open == std::string_view::npos) {
        at_ = text_.size();
        break;
      }
      at_ = open + (text_.substr(open).starts_with("{{- ") ? 3 : 2);
      SLIP_TRY(parse_action(nodes, depth));
      if (!closing_.empty()) return {};
    }
    return {};
  }

  static std::string_view trim_right(std::string_view text) {
    while (!text.empty() && std::string_view(" \t\n\r").find(text.back()) != std::string_view::npos)
      text.remove_suffix(1);
    return text;
  }
  static std::string_view trim_left(std::string_view text) {
    while (!text.empty() &&
           std::string_view(" \t\n\r").find(text.front()) != std::string_view::npos)
      text.remove_prefix(1);
    return text;
  }

  static void add_text(std::vector<Node>& nodes, std::string_view text) {
    Node node;
    node.kind = Node::Kind::kText;
    node.text = std::string(text);
    nodes.push_back(std::move(node));
  }

  Status parse_action(std::vector<Node>& nodes, int depth) {
    const std::string word = peek_word();
    if (text_.substr(at_).starts_with("/*")) return parse_comment();
    if (word == "end" || word == "else") {
      at_ += word.size();
      const std::string next = word == "else" ? peek_word() : "";
      closing_ = next == "if" || next == "with" ? "else " + next : word;
      return next == "if" || next == "with" ? Status{} : end_action();
    }
    Node node;
    node.kind = Node::Kind::kOutput;
    if (word == "if") node.kind = Node::Kind::kIf;
    if (word == "range") node.kind = Node::Kind::kRange;
    if (word == "with") node.kind = Node::Kind::kWith;
    const bool block = node.kind != Node::Kind::kOutput;
    if (block) at_ += word.size();
    SLIP_TRY(parse_variables(node));
    node.operand = SLIP_TRY(parse_pipeline(depth));
    SLIP_TRY(end_action());
    if (block) SLIP_TRY(parse_block(node, depth));
    nodes.push_back(std::move(node));
    return {};
  }

  Status parse_comment() {
    const std::size_t end = text_.find("*/", at_);
    if (end == std::string_view::npos) return error("a comment is not closed");
    at_ = end + 2;
    return end_action();
  }

  /// `$x :=`, `$i, $x :=`, `$x =`; or a pipeline that only begins with a variable.
  Status parse_variables(Node& node) {
    const std::size_t begin = at_;
    std::vector<std::string> names;
    skip_space();
    while (at_ < text_.size() && text_[at_] == '$' && names.size() < 2) {
      ++at_;
      names.push_back(peek_word());
      at_ += names.back().size();
      skip_space();
      if (at_ < text_.size() && text_[at_] == ',') ++at_;
      skip_space();
    }
    const bool fresh = text_.substr(at_).starts_with(":=");
    const bool known = !fresh && text_.substr(at_).starts_with("=");
    if (names.empty() || (!fresh && !known)) {
      at_ = begin;
      return {};
    }
    at_ += fresh ? 2 : 1;
    if (names.size() == 2 && node.kind != Node::Kind::kRange)
      return error("two variables are for range only");
    node.variables = std::move(names);
    node.variable = fresh ? Node::Variable::kNew : Node::Variable::kKnown;
    return {};
  }

  Status parse_block(Node& node, int depth) {
    SLIP_TRY(parse_list(node.body, depth + 1));
    if (closing_ == "else if" || closing_ == "else with")
      return parse_action(node.otherwise, depth + 1);  // Its {{end}} is ours, too.
    if (closing_ == "else") SLIP_TRY(parse_list(node.otherwise, depth + 1));
    if (closing_ != "end") return error("{{end}} is missing");
    closing_.clear();
    return {};
  }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n'))
      ++at_;
  }

  std::string peek_word() {
    skip_space();
    std::size_t end = at_;
    while (end < text_.size() && is_name_char(text_[end])) ++end;
    return std::string(text_.substr(at_, end - at_));
  }

  Status end_action() {
    skip_space();
    trim_next_ = text_.substr(at_).starts_with("-}}");
    if (trim_next_) ++at_;
    if (!text_.substr(at_).starts_with("}}")) return error("}} is missing");
    at_ += 2;
    return {};
  }

  Result<TemplateOperand> parse_pipeline(int depth) {
    TemplateOperand value = SLIP_TRY(parse_command(depth));
    for (skip_space(); at_ < text_.size() && text_[at_] == '|'; skip_space()) {
      ++at_;
      TemplateOperand next = SLIP_TRY(parse_command(depth));
      if (next.kind != TemplateOperand::Kind::kCall) return error("only a function can follow |");
      next.arguments.push_back(std::move(value));
      value = std::move(next);
    }
    return value;
  }

  Result<TemplateOperand> parse_command(int depth) {
    const std::string name = peek_word();
    if (name.empty() || (name[0] >= '0' && name[0] <= '9')) {
      TemplateOperand value = SLIP_TRY(parse_operand(depth));
      const bool method = value.kind == TemplateOperand::Kind::kField && !value.path.empty();
      for (skip_space(); method && at_ < text_.size() && starts_operand(); skip_space())
        value.arguments.push_back(SLIP_TRY(parse_operand(depth)));
      return value;
    }
    if (const auto word = word_literal(name)) return *word;
    if (!is_template_function(name)) return error("unknown function \"" + name + "\"");
    at_ += name.size();
    TemplateOperand call;
    call.kind = TemplateOperand::Kind::kCall;
    call.name = name;
    for (skip_space(); at_ < text_.size() && starts_operand(); skip_space()) {
      call.arguments.push_back(SLIP_TRY(parse_operand(depth)));
    }
    return call;
  }

  bool starts_operand() const {
    const char c = text_[at_];
    const bool negative =
        c == '-' && at_ + 1 < text_.size() && text_[at_ + 1] >= '0' && text_[at_ + 1] <= '9';
    return c == '.' || c == '$' || c == '"' || c == '`' || c == '(' || negative ||
           (c >= '0' && c <= '9') || is_word_literal();
  }
  bool is_word_literal() const {
    std::size_t end = at_;
    while (end < text_.size() && is_name_char(text_[end])) ++end;
    const std::string_view word = text_.substr(at_, end - at_);
    return word == "true" || word == "false" || word == "nil";
  }
  std::optional<TemplateOperand> word_literal(const std::string& name) {
    if (name != "true" && name != "false" && name != "nil") return std::nullopt;
    at_ += name.size();
    TemplateOperand literal;
    literal.kind = TemplateOperand::Kind::kLiteral;
    if (name != "nil") literal.literal = Json(name == "true");
    return literal;
  }

  Result<TemplateOperand> parse_operand(int depth) {
    skip_space();
    if (depth > kMaxDepth) return error("nested too deeply");
    if (at_ >= text_.size() || !starts_operand())
      return error("expected a field, function or literal");
    if (const auto word = word_literal(peek_word())) return *word;
    if (text_[at_] == '.') return parse_field();
    if (text_[at_] == '$') {
      ++at_;
      TemplateOperand variable;
      variable.kind = TemplateOperand::Kind::kVariable;
      variable.name = peek_name();
      at_ += variable.name.size();
      variable.path = parse_field().path;
      return variable;
    }
    if (text_[at_] == '"' || text_[at_] == '`') return parse_string();
    if (text_[at_] == '(') {
      ++at_;
      TemplateOperand inner = SLIP_TRY(parse_pipeline(depth + 1));
      skip_space();
      if (at_ >= text_.size() || text_[at_] != ')') return error(") is missing");
      ++at_;
      if (at_ >= text_.size() || text_[at_] != '.') return inner;
      TemplateOperand fields = parse_field();
      if (inner.arguments.empty() || inner.kind == TemplateOperand::Kind::kCall) {
        inner.path.insert(inner.path.end(), fields.path.begin(), fields.path.end());
        return inner;
      }
      return error("fields of a method's value cannot be taken");
    }
    return parse_number();
  }

  std::string peek_name() const {
    std::size_t end = at_;
    while (end < text_.size() && is_name_char(text_[end])) ++end;
    return std::string(text_.substr(at_, end - at_));
  }

  TemplateOperand parse_field() {
    TemplateOperand field;
    while (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      std::size_t end = at_;
      while (end < text_.size() && is_name_char(text_[end])) ++end;
      if (end > at_) field.path.emplace_back(text_.substr(at_, end - at_));
      at_ = end;
    }
    return field;
  }

  Result<TemplateOperand> parse_string() {
    const char quote = text_[at_++];
    TemplateOperand literal;
    literal.kind = TemplateOperand::Kind::kLiteral;
    std::string value;
    for (; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] != '\\' || quote == '`' || at_ + 1 >= text_.size()) {
        value += text_[at_];
        continue;
      }
      const char escaped = text_[++at_];
      value += escaped == 'n' ? '\n' : escaped == 't' ? '\t' : escaped;
    }
    if (at_ >= text_.size()) return error("a string is not closed");
    ++at_;
    literal.literal = std::move(value);
    return literal;
  }

  Result<TemplateOperand> parse_number() {
    std::size_t end = at_ + 1;
    while (end < text_.size() && text_[end] >= '0' && text_[end] <= '9') ++end;
    const auto number = parse_int(text_.substr(at_, end - at_));
    if (!number) return error("number out of range");
    at_ = end;
    TemplateOperand literal;
    literal.kind = TemplateOperand::Kind::kLiteral;
    literal.literal = static_cast<std::int64_t>(*number);
    return literal;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string closing_;
  bool trim_next_ = false;
};

}  // namespace

Result<FormatTemplate::Node> parse_template(std::string_view text) {
  return TemplateParser(text).parse();
}

}  // namespace slipway::runner
