// A strict RFC 8259 reader into base's Json value, with limits and places in its errors.
#include <algorithm>
#include <charconv>
#include <set>
#include <system_error>

#include "base/json.h"
#include "base/text.h"

namespace slipway {
namespace {

// Below this many members a linear search for duplicate keys is faster than building a set.
constexpr std::size_t kLinearMembers = 16;

void append_utf8(std::string& out, std::uint32_t point) {
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | (point >> 6));
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | (point >> 12));
    put(0x80 | ((point >> 6) & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | (point >> 18));
    put(0x80 | ((point >> 12) & 0x3F));
    put(0x80 | ((point >> 6) & 0x3F));
    put(0x80 | (point & 0x3F));
  }
}

// Recursive descent: the depth limit bounds the call stack. Every method returns false after
// setting the error once.
class Parser {
 public:
  Parser(std::string_view text, std::size_t max_depth) : text_(text), max_depth_(max_depth) {}

  Result<Json> run() {
    Json out;
    skip_space();
    if (!value(out, 0)) return fail(describe());
    skip_space();
    if (at_ < text_.size()) {
      set_error("expected the end of the text");
      return fail(describe());
    }
    return out;
  }

 private:
  bool set_error(std::string_view what) {
    if (error_.empty()) {
      error_ = what;
      error_at_ = at_;
    }
    return false;
  }

  Error describe() const {
    std::size_t line = 1;
    std::size_t column = 1;
    for (const char c : text_.substr(0, error_at_)) {
      if (c == '\n') {
        ++line;
        column = 1;
      } else {
        ++column;
      }
    }
    return Error(ErrorCode::kInvalid, "parse json: " + std::to_string(line) + ":" +
                                          std::to_string(column) + ": " + error_);
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void skip_space() {
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }

  bool value(Json& out, std::size_t depth) {
    if (at_ >= text_.size()) return set_error("unexpected end of the text");
    switch (peek()) {
      case '{':
        return object(out, depth + 1);
      case '[':
        return array(out, depth + 1);
      case '"': {
        std::string text;
        if (!string(text)) return false;
        out = Json(std::move(text));
        return true;
      }
      case 't':
        return word("true", out, Json(true));
      case 'f':
        return word("false", out, Json(false));
      case 'n':
        return word("null", out, Json());
      default:
        return number(out);
    }
  }

  bool word(std::string_view expected, Json& out, Json meaning) {
    if (!text_.substr(at_).starts_with(expected)) return set_error("expected a value");
    at_ += expected.size();
    out = std::move(meaning);
    return true;
  }

  bool object(Json& out, std::size_t depth) {
    if (depth > max_depth_) return set_error("nested too deeply");
    ++at_;
    Json::Object members;
    std::set<std::string, std::less<>> seen;
    skip_space();
    if (!take('}')) {
      do {
        skip_space();
        if (peek() != '"') return set_error("expected a member name");
        Json::Member member;
        const std::size_t key_at = at_;
        if (!string(member.first)) return false;
        if (is_duplicate(members, seen, member.first)) {
          at_ = key_at;
          return set_error("duplicate member \"" + ellipsize(printable(member.first), 40) + "\"");
        }
        skip_space();
        if (!take(':')) return set_error("expected ':'");
        skip_space();
        if (!value(member.second, depth)) return false;
        members.push_back(std::move(member));
        skip_space();
      } while (take(','));
      if (!take('}')) return set_error("expected ',' or '}'");
    }
    out = Json(std::move(members));
    return true;
  }

  static bool is_duplicate(const Json::Object& members, std::set<std::string, std::less<>>& seen,
                           const std::string& key) {
    if (members.size() < kLinearMembers) {
      return std::any_of(members.begin(), members.end(),
                         [&](const Json::Member& member) { return member.first == key; });
    }
    if (seen.empty()) {
      for (const Json::Member& member : members) seen.insert(member.first);
    }
    return !seen.insert(key).second;
  }

  bool array(Json& out, std::size_t depth) {
    if (depth > max_depth_) return set_error("nested too deeply");
    ++at_;
    Json::Array items;
    skip_space();
    if (!take(']')) {
      do {
        skip_space();
        Json item;
        if (!value(item, depth)) return false;
        items.push_back(std::move(item));
        skip_space();
      } while (take(','));
      if (!take(']')) return set_error("expected ',' or ']'");
    }
    out = Json(std::move(items));
    return true;
  }

  bool string(std::string& out) {
    ++at_;
    while (true) {
      const std::size_t start = at_;
      while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
             static_cast<unsigned char>(text_[at_]) >= 0x20) {
        ++at_;
      }
      out += text_.substr(start, at_ - start);
      if (at_ >= text_.size()) return set_error("unterminated string");
      if (take('"')) return true;
      if (!take('\\')) return set_error("control character in a string");
      if (!escape(out)) return false;
    }
  }

  bool escape(std::string& out) {
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    if (take('u')) return unicode_escape(out);
    const std::size_t index = at_ < text_.size() ? kNames.find(text_[at_]) : std::string_view::npos;
    if (index == std::string_view::npos) return set_error("unknown escape in a string");
    out += kMeanings[index];
    ++at_;
    return true;
  }

  bool hex4(std::uint32_t& out) {
    if (text_.size() - at_ < 4) return set_error("expected four hex digits");
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, begin + 4, out, 16);
    if (error != std::errc() || end != begin + 4) return set_error("expected four hex digits");
    at_ += 4;
    return true;
  }

  bool unicode_escape(std::string& out) {
    std::uint32_t point = 0;
    if (!hex4(point)) return false;
    if (point >= 0xDC00 && point <= 0xDFFF) return set_error("lone surrogate in a string");
    if (point >= 0xD800 && point <= 0xDBFF) {
      std::uint32_t low = 0;
      if (!take('\\') || !take('u')) return set_error("lone surrogate in a string");
      if (!hex4(low)) return false;
      if (low < 0xDC00 || low > 0xDFFF) return set_error("lone surrogate in a string");
      point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
    }
    append_utf8(out, point);
    return true;
  }

  std::size_t digits() {
    const std::size_t start = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ - start;
  }

  bool number(Json& out) {
    const std::size_t start = at_;
    bool integral = true;
    take('-');
    if (!take('0') && digits() == 0) {
      at_ = start;
      return set_error("expected a value");
    }
    if (take('.')) {
      integral = false;
      if (digits() == 0) return set_error("expected a digit");
    }
    if (peek() == 'e' || peek() == 'E') {
      integral = false;
      ++at_;
      if (!take('+')) take('-');
      if (digits() == 0) return set_error("expected a digit");
    }
    return convert(start, integral, out);
  }

  bool convert(std::size_t start, bool integral, Json& out) {
    const std::string_view digits = text_.substr(start, at_ - start);
    const char* end = digits.data() + digits.size();
    std::int64_t whole = 0;
    if (integral && std::from_chars(digits.data(), end, whole).ec == std::errc()) {
      out = Json(whole);
      return true;
    }
    double real = 0;
    if (std::from_chars(digits.data(), end, real).ec != std::errc()) {
      at_ = start;
      return set_error("number out of range");
    }
    out = Json(real);
    return true;
  }

  std::string_view text_;
  std::size_t max_depth_;
  std::size_t at_ = 0;
  std::size_t error_at_ = 0;
  std::string error_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    return fail(ErrorCode::kExhausted, "parse json: the text has " + std::to_string(text.size()) +
                                           " bytes, more than " + std::to_string(limits.max_bytes));
  }
  if (!valid_utf8(text)) return fail(ErrorCode::kInvalid, "parse json: the text is not UTF-8");
  return Parser(text, limits.max_depth).run();
}

}  // namespace slipway
