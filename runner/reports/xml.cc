// XML without its dangers: one pass, no entities, everything bounded.
#include "runner/reports/xml.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "base/text.h"

namespace slipway::runner {
namespace {

constexpr std::size_t kLongestReference = 10;  // "&#x10FFFF;"

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool starts_name(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' || byte >= 0x80;
}
bool continues_name(char c) {
  return starts_name(c) || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3f));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

/// The character of "lt", "#38", "#x26"; nothing for what XML does not know.
std::optional<std::uint32_t> character_of(std::string_view reference) {
  constexpr std::array<std::pair<std::string_view, char>, 5> kNamed{
      {{"lt", '<'}, {"gt", '>'}, {"amp", '&'}, {"quot", '"'}, {"apos", '\''}}};
  for (const auto& [name, character] : kNamed) {
    if (reference == name) return static_cast<std::uint32_t>(character);
  }
  if (reference.size() < 2 || reference[0] != '#') return std::nullopt;
  const bool hex = reference[1] == 'x';
  std::uint32_t code = 0;
  const std::string_view digits = reference.substr(hex ? 2 : 1);
  if (digits.empty()) return std::nullopt;
  for (const char c : digits) {
    const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    std::uint32_t digit = 0;
    if (lower >= '0' && lower <= '9')
      digit = static_cast<std::uint32_t>(lower - '0');
    else if (hex && lower >= 'a' && lower <= 'f')
      digit = static_cast<std::uint32_t>(lower - 'a' + 10);
    else
      return std::nullopt;
    code = code * (hex ? 16 : 10) + digit;
    if (code > 0x10ffff) return std::nullopt;
  }
  const bool surrogate = code >= 0xd800 && code <= 0xdfff;
  const bool control = code < 0x20 && code != '\t' && code != '\n' && code != '\r';
  return surrogate || control ? std::nullopt : std::optional(code);
}

class Reader {
 public:
  Reader(std::string_view document, XmlHandler& handler, const XmlLimits& limits)
      : text_(document), handler_(handler), limits_(limits) {}

  Status read() {
    if (text_.size() > limits_.max_bytes.value)
      return fail(ErrorCode::kExhausted, "larger than " + format_size(limits_.max_bytes));
    if (text_.starts_with("\xef\xbb\xbf")) at_ += 3;
    while (at_ < text_.size()) {
      if (text_[at_] == '<') {
        SLIP_TRY(markup());
      } else {
        SLIP_TRY(characters());
      }
    }
    if (!open_.empty()) return wrong("<" + open_.back() + "> is not closed");
    if (elements_ == 0) return wrong("there is no element");
    return {};
  }

 private:
  tl::unexpected<Error> wrong(const std::string& what) const {
    const std::string_view before = text_.substr(0, std::min(at_, text_.size()));
    const auto line = 1 + std::count(before.begin(), before.end(), '\n');
    const std::size_t start = before.rfind('\n');
    const std::size_t column = at_ - (start == std::string_view::npos ? 0 : start + 1) + 1;
    return fail(ErrorCode::kInvalid,
                std::to_string(line) + ":" + std::to_string(column) + ": " + printable(what));
  }
  tl::unexpected<Error> too_much(const std::string& what) const {
    return fail(ErrorCode::kExhausted, std::string(wrong(what).value().text()));
  }

  bool take(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  /// Everything up to `end`, which is taken, too.
  Result<std::string_view> until(std::string_view end, const char* what) {
    const std::size_t place = text_.find(end, at_);
    if (place == std::string_view::npos) return wrong(std::string(what) + " does not end");
    const std::string_view inner = text_.substr(at_, place - at_);
    at_ = place + end.size();
    return inner;
  }
  Result<std::string> name() {
    const std::size_t begin = at_;
    if (at_ >= text_.size() || !starts_name(text_[at_])) return wrong("expected a name");
    while (at_ < text_.size() && continues_name(text_[at_])) ++at_;
    if (at_ - begin > limits_.max_name)
      return too_much("a name is longer than " + std::to_string(limits_.max_name) + " bytes");
    return std::string(text_.substr(begin, at_ - begin));
  }
  /// At "&": appends what it stands for.
  Status reference(std::string& out) {
    const std::size_t end = text_.substr(at_, kLongestReference).find(';');
    const auto code =
        end == std::string_view::npos ? std::nullopt : character_of(text_.substr(at_ + 1, end - 1));
    if (!code) return wrong("not one of the references that XML itself knows");
    append_utf8(out, *code);
    at_ += end + 1;
    return {};
  }

  Status characters() {
    std::string piece;
    while (at_ < text_.size() && text_[at_] != '<') {
      if (text_[at_] == '&') {
        SLIP_TRY(reference(piece));
        continue;
      }
      if (open_.empty() && !is_space(text_[at_])) return wrong("text outside of the element");
      piece += text_[at_++];
    }
    if (!open_.empty()) handler_.text(piece);
    return {};
  }

  Status markup() {
    if (take("<!--")) {
      SLIP_TRY(until("-->", "a comment"));
      return {};
    }
    if (take("<?")) {
      SLIP_TRY(until("?>", "a processing instruction"));
      return {};
    }
    if (take("<![CDATA[")) {
      if (open_.empty()) return wrong("text outside of the element");
      handler_.text(SLIP_TRY(until("]]>", "a CDATA section")));
      return {};
    }
    if (text_.substr(at_, 2) == "<!") return document_type();
    return take("</") ? closing() : opening();
  }

  Status document_type() {
    const bool wanted =
        limits_.skip_doctype && elements_ == 0 && text_.substr(at_, 9) == "<!DOCTYPE";
    const std::size_t end = text_.find_first_of("[>", at_);
    if (!wanted || end == std::string_view::npos || text_[end] == '[')
      return wrong("document types are not taken");
    at_ = end + 1;
    return {};
  }

  Status closing() {
    const std::string closed = SLIP_TRY(name());
    if (open_.empty() || open_.back() != closed)
      return wrong("</" + closed + "> closes " +
                   (open_.empty() ? "nothing" : "<" + open_.back() + ">"));
    skip_space();
    if (!take(">")) return wrong("expected \">\"");
    handler_.end(closed);
    open_.pop_back();
    return {};
  }

  Status opening() {
    ++at_;
    if (open_.empty() && elements_ > 0) return wrong("a second element at the top");
    std::string opened = SLIP_TRY(name());
    if (++elements_ > limits_.max_elements)
      return too_much("more than " + std::to_string(limits_.max_elements) + " elements");
    if (open_.size() >= limits_.max_depth)
      return too_much("deeper than " + std::to_string(limits_.max_depth) + " elements");
    XmlHandler::Attributes attributes = SLIP_TRY(read_attributes());
    const bool empty = take("/");
    if (!take(">")) return wrong("expected \">\"");
    SLIP_TRY(handler_.begin(opened, attributes));
    if (empty) {
      handler_.end(opened);
    } else {
      open_.push_back(std::move(opened));
    }
    return {};
  }

  Result<XmlHandler::Attributes> read_attributes() {
    XmlHandler::Attributes attributes;
    for (;;) {
      const std::size_t before = at_;
      skip_space();
      if (at_ >= text_.size()) return wrong("an element does not end");
      if (text_[at_] == '>' || text_[at_] == '/') return attributes;
      if (at_ == before) return wrong("expected white space before an attribute");
      if (attributes.size() == limits_.max_attributes)
        return too_much("more than " + std::to_string(limits_.max_attributes) + " attributes");
      std::string key = SLIP_TRY(name());
      for (const auto& [other, value] : attributes) {
        if (other == key) return wrong("attribute " + key + " is there twice");
      }
      skip_space();
      if (!take("=")) return wrong("expected \"=\"");
      skip_space();
      attributes.emplace_back(std::move(key), SLIP_TRY(attribute_value()));
    }
  }

  Result<std::string> attribute_value() {
    if (at_ >= text_.size() || (text_[at_] != '"' && text_[at_] != '\''))
      return wrong("expected a quoted value");
    const char quote = text_[at_++];
    std::string value;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '<') return wrong("\"<\" in an attribute");
      if (text_[at_] == '&') {
        SLIP_TRY(reference(value));
      } else {
        value += is_space(text_[at_]) ? ' ' : text_[at_];
        ++at_;
      }
    }
    if (at_ >= text_.size()) return wrong("an attribute does not end");
    ++at_;
    return value;
  }

  const std::string_view text_;
  XmlHandler& handler_;
  const XmlLimits& limits_;
  std::size_t at_ = 0;
  std::size_t elements_ = 0;
  std::vector<std::string> open_;
};

}  // namespace

Status read_xml(std::string_view document, XmlHandler& handler, const XmlLimits& limits) {
  return Reader(document, handler, limits).read();
}

}  // namespace slipway::runner
