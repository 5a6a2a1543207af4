// Tokens of the expression language. Grammar: docs/expressions.md.
#include <array>
#include <charconv>

#include "base/text.h"
#include "pipeline/expand/functions.h"
#include "pipeline/expand/syntax.h"

namespace slipway::pipeline {
namespace {

// Longer ones first: the first that fits is taken.
constexpr std::array<std::string_view, 19> kOperators{"==", "!=", "<=", ">=", "&&", "||", "<",
                                                      ">",  "!",  "?",  ":",  "(",  ")",  "[",
                                                      "]",  "{",  "}",  ",",  "."};

struct CharacterHint {
  char character;
  std::string_view help;
};
// What people type out of habit from other languages.
constexpr std::array<CharacterHint, 9> kHints{{
    {'=', "compare with \"==\""},
    {'&', "write \"&&\""},
    {'|', "write \"||\""},
    {'+', "join texts with format('{0}{1}', a, b) or by writing two ${{ }} side by side"},
    {'-', "there is no arithmetic in expressions"},
    {'*', "there is no arithmetic in expressions"},
    {'/', "there is no arithmetic in expressions"},
    {'$', "name the value directly: inside ${{ }} there is no second $"},
    {'`', "texts stand in '…' or \"…\""},
}};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
// A dash belongs to names ("needs.build-app"): there is no subtraction to confuse it with.
bool is_name(char c) { return is_name_start(c) || is_digit(c) || c == '-'; }

void append_utf8(std::string& out, unsigned point) {
  if (point < 0x80) {
    out += static_cast<char>(point);
  } else if (point < 0x800) {
    out += static_cast<char>(0xC0 | (point >> 6));
    out += static_cast<char>(0x80 | (point & 0x3F));
  } else {
    out += static_cast<char>(0xE0 | (point >> 12));
    out += static_cast<char>(0x80 | ((point >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (point & 0x3F));
  }
}

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::optional<std::vector<Token>> run(std::optional<SyntaxError>& error) {
    while (!error_) {
      while (at_ < text_.size() && is_space(text_[at_])) ++at_;
      if (at_ == text_.size()) break;
      next();
    }
    if (error_) {
      error = std::move(error_);
      return std::nullopt;
    }
    push(TokenKind::kEnd, at_, Value());
    return std::move(tokens_);
  }

 private:
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }

  void push(TokenKind kind, std::size_t begin, Value value) {
    tokens_.push_back({kind, text_.substr(begin, at_ - begin), std::move(value), begin, at_});
  }

  void fail_at(std::size_t begin, std::size_t end, std::string message, std::string help = {}) {
    error_ = SyntaxError{begin, end, std::move(message), std::move(help)};
  }

  void next() {
    const char c = peek();
    if (is_name_start(c)) return name();
    if (is_digit(c) || (c == '-' && is_digit(peek(1)))) return number();
    if (c == '\'') return single_quoted();
    if (c == '"') return double_quoted();
    for (const std::string_view op : kOperators) {
      if (!text_.substr(at_).starts_with(op)) continue;
      const std::size_t begin = at_;
      at_ += op.size();
      return push(TokenKind::kOperator, begin, Value());
    }
    unexpected();
  }

  void unexpected() {
    // The whole UTF-8 character, so that the message shows it and not half of it.
    std::size_t end = at_ + 1;
    while (end < text_.size() && (static_cast<unsigned char>(text_[end]) & 0xC0) == 0x80) ++end;
    std::string help;
    for (const CharacterHint& hint : kHints) {
      if (hint.character == text_[at_]) help = hint.help;
    }
    fail_at(at_, end,
            "unexpected \"" + printable(text_.substr(at_, end - at_)) + "\" in expression",
            std::move(help));
  }

  void name() {
    const std::size_t begin = at_;
    while (is_name(peek())) ++at_;
    push(TokenKind::kName, begin, Value());
  }

  void number() {
    const std::size_t begin = at_;
    ++at_;
    while (is_name(peek()) || (peek() == '.' && is_digit(peek(1))) ||
           (peek() == '+' && (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E'))) {
      ++at_;
    }
    const std::string_view word = text_.substr(begin, at_ - begin);
    if (const std::optional<double> value = parse_number(word)) {
      return push(TokenKind::kNumber, begin, Value(*value));
    }
    fail_at(begin, at_, "invalid number \"" + printable(word) + "\"",
            "a text stands in quotes, a number is written as 12, -3 or 0.5");
  }

  // '…' as in shells and YAML: only '' is special and stands for one quote.
  void single_quoted() {
    const std::size_t begin = at_++;
    std::string value;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '\'') {
        if (peek(1) != '\'') break;
        ++at_;
      }
      value += text_[at_];
    }
    if (at_ == text_.size()) return fail_at(begin, begin + 1, "unclosed ' in expression");
    ++at_;
    push(TokenKind::kString, begin, Value(std::move(value)));
  }

  // "…" as in JSON.
  void double_quoted() {
    const std::size_t begin = at_++;
    std::string value;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] != '\\') {
        value += text_[at_++];
      } else if (!escape(value)) {
        return;
      }
    }
    if (at_ == text_.size()) return fail_at(begin, begin + 1, "unclosed \" in expression");
    ++at_;
    push(TokenKind::kString, begin, Value(std::move(value)));
  }

  bool escape(std::string& value) {
    static constexpr std::string_view kFrom = "\"\\/bfnrt";
    static constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
    const std::size_t found =
        at_ + 1 < text_.size() ? kFrom.find(text_[at_ + 1]) : std::string_view::npos;
    if (found != std::string_view::npos) {
      value += kTo[found];
      at_ += 2;
      return true;
    }
    if (peek(1) == 'u' && at_ + 6 <= text_.size()) {
      unsigned point = 0;
      const char* first = text_.data() + at_ + 2;
      const std::from_chars_result end = std::from_chars(first, first + 4, point, 16);
      const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
      if (end.ptr == first + 4 && !surrogate) {
        append_utf8(value, point);
        at_ += 6;
        return true;
      }
    }
    fail_at(
        at_, std::min(at_ + 2, text_.size()), "unknown escape in \"…\"",
        R"(known are \" \\ \/ \b \f \n \r \t \uXXXX; in '…' a backslash is an ordinary character)");
    return false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Token> tokens_;
  std::optional<SyntaxError> error_;
};

}  // namespace

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const std::from_chars_result end = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || end.ec != std::errc() || end.ptr != text.data() + text.size())
    return std::nullopt;
  // from_chars also takes "inf" and "nan", which are texts here.
  const char first = text[0] == '-' ? (text.size() > 1 ? text[1] : '\0') : text[0];
  return is_digit(first) ? std::optional(value) : std::nullopt;
}

std::optional<std::vector<Token>> tokenize(std::string_view text,
                                           std::optional<SyntaxError>& error) {
  return Lexer(text).run(error);
}

}  // namespace slipway::pipeline
