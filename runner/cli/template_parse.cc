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
    if (word == "end" || word == "else") {
      at_ += word.size();
      SLIP_TRY(end_action());
      closing_ = word;
      return {};
    }
    Node node;
    node.kind = Node::Kind::kOutput;
    if (word == "if") node.kind = Node::Kind::kIf;
    if (word == "range") node.kind = Node::Kind::kRange;
    if (word == "with") node.kind = Node::Kind::kWith;
    const bool block = node.kind != Node::Kind::kOutput;
    if (block) at_ += word.size();
    node.operand = SLIP_TRY(parse_pipeline(depth));
    SLIP_TRY(end_action());
    if (block) SLIP_TRY(parse_block(node, depth));
    nodes.push_back(std::move(node));
    return {};
  }

  Status parse_block(Node& node, int depth) {
    SLIP_TRY(parse_list(node.body, depth + 1));
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
    if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return parse_operand(depth);
    if (!is_template_function(name)) return error("unknown function \"" + name + "\"");
    at_ += name.size();
    TemplateOperand call;
    call.kind = TemplateOperand::Kind::kCall;
    call.function = name;
    for (skip_space(); at_ < text_.size() && starts_operand(); skip_space()) {
      call.arguments.push_back(SLIP_TRY(parse_operand(depth)));
    }
    return call;
  }

  bool starts_operand() const {
    const char c = text_[at_];
    const bool negative =
        c == '-' && at_ + 1 < text_.size() && text_[at_ + 1] >= '0' && text_[at_ + 1] <= '9';
    return c == '.' || c == '"' || c == '`' || c == '(' || negative || (c >= '0' && c <= '9');
  }

  Result<TemplateOperand> parse_operand(int depth) {
    skip_space();
    if (depth > kMaxDepth) return error("nested too deeply");
    if (at_ >= text_.size() || !starts_operand())
      return error("expected a field, function or literal");
    if (text_[at_] == '.') return parse_field();
    if (text_[at_] == '"' || text_[at_] == '`') return parse_string();
    if (text_[at_] == '(') {
      ++at_;
      TemplateOperand inner = SLIP_TRY(parse_pipeline(depth + 1));
      if (at_ >= text_.size() || text_[at_] != ')') return error(") is missing");
      ++at_;
      return inner;
    }
    return parse_number();
  }

  Result<TemplateOperand> parse_field() {
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
