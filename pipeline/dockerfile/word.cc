// Words of a Dockerfile: quotes, escapes, variables. A recursive descent over the text; ${…} recurses, with a bound.
// Spec: Dockerfile reference, "Environment replacement".
#include "pipeline/dockerfile/word.h"

#include <algorithm>

#include "pipeline/dockerfile/characters.h"
#include "pipeline/dockerfile/shell_pattern.h"

namespace slipway::pipeline {
namespace dockerfile {
namespace {

constexpr int kMaxDepth = 100;  // ${a:-${b:-…}}; people nest two or three
constexpr std::size_t kMaxLength = std::size_t{1} << 20;  // what a line of a file may be, too

/// Collects words; white space ends one, an empty one does not count.
class Words {
 public:
  void add(std::string_view bytes) { word_ += bytes; }
  void add_split(std::string_view text) {
    while (!text.empty()) {
      const Character first = first_character(text);
      if (is_space(first.code)) {
        finish();
      } else {
        word_ += text.substr(0, first.bytes);
      }
      text.remove_prefix(first.bytes);
    }
  }
  std::vector<std::string> take() {
    finish();
    return std::move(words_);
  }

 private:
  void finish() {
    if (!word_.empty()) words_.push_back(std::move(word_));
    word_.clear();
  }
  std::string word_;
  std::vector<std::string> words_;
};

tl::unexpected<Error> bad(std::string text) { return fail(ErrorCode::kInvalid, std::move(text)); }

/// `@ * # ? - $ ! 0`: never set here, but names.
bool is_special_name(char32_t code) {
  return code < 0x80 &&
         std::string_view("@*#?-$!0").find(static_cast<char>(code)) != std::string_view::npos;
}

class Reader {
 public:
  Reader(std::string_view text, const WordMode& mode, const VariableLookup& lookup,
         std::vector<std::string>* unset)
      : text_(text),
        mode_(mode),
        keep_escapes_(mode.keep_escapes),
        lookup_(lookup),
        unset_(unset) {}

  /// Up to `stop`, which is taken, or to the end of the text for 0.
  Result<std::string> read(char stop, Words* words);

 private:
  struct Value {
    std::string text;
    bool set = false;
  };

  bool at_end() const { return at_ >= text_.size(); }
  bool next_is(char c) const { return !at_end() && text_[at_] == c; }
  std::string_view take_character();
  Status single_quoted(std::string& out);
  Status double_quoted(std::string& out);
  Result<std::string> dollar();
  Result<std::string> braced();
  Result<std::string> with_default(const std::string& name, char modifier, bool null_is_unset);
  Result<std::string> without_ends(const std::string& name, char modifier);
  Result<std::string> replaced(const std::string& name);
  std::string name();
  Value value_of(const std::string& name);
  Result<std::string> inner(char stop, bool keep_escapes, std::string_view missing);
  std::string heredoc_mark();

  std::string_view text_;
  std::size_t at_ = 0;
  const WordMode& mode_;
  bool keep_escapes_;
  const VariableLookup& lookup_;
  std::vector<std::string>* unset_;
  int depth_ = 0;
};

std::string_view Reader::take_character() {
  const std::size_t bytes = first_character(text_.substr(at_)).bytes;
  const std::string_view out = text_.substr(at_, bytes);
  at_ += bytes;
  return out;
}

Result<std::string> Reader::read(char stop, Words* words) {
  std::string out;
  const auto add = [&](std::string_view bytes) {
    out += bytes;
    if (words != nullptr) words->add(bytes);
  };
  while (!at_end()) {
    const char c = text_[at_];
    if (stop != 0 && c == stop) {
      ++at_;
      return out;
    }
    if (c == '$') {
      const std::string value = SLIP_TRY(dollar());
      out += value;
      if (words != nullptr) words->add_split(value);
    } else if (c == '<') {
      add(heredoc_mark());
    } else if (!mode_.quotes_are_text && (c == '\'' || c == '"')) {
      std::string quoted_text;
      SLIP_TRY(c == '"' ? double_quoted(quoted_text) : single_quoted(quoted_text));
      add(quoted_text);
    } else if (c == mode_.escape) {
      ++at_;
      if (keep_escapes_) add(std::string_view(&mode_.escape, 1));
      if (at_end()) break;
      add(take_character());
    } else {
      const std::string_view character = take_character();
      out += character;
      if (words != nullptr) words->add_split(character);
    }
    if (out.size() > kMaxLength)
      return fail(ErrorCode::kExhausted, "the result is longer than 1 MiB");
  }
  if (stop != 0) return bad(std::string("syntax error: missing '") + stop + "'");
  return out;
}

Status Reader::single_quoted(std::string& out) {
  const std::size_t end = text_.find('\'', at_ + 1);
  if (end == std::string_view::npos) return bad("syntax error: missing closing '");
  const std::size_t outside = mode_.keep_quotes ? 0 : 1;
  out += text_.substr(at_ + outside, end + 1 - at_ - 2 * outside);
  at_ = end + 1;
  return {};
}

Status Reader::double_quoted(std::string& out) {
  ++at_;
  if (mode_.keep_quotes) out += '"';
  while (!at_end()) {
    const char c = text_[at_];
    if (c == '"') {
      ++at_;
      if (mode_.keep_quotes) out += c;
      return {};
    }
    if (c == '$') {
      out += SLIP_TRY(dollar());
    } else if (c == mode_.escape) {
      ++at_;
      if (keep_escapes_) out += c;
      if (at_end()) break;
      // Only these can be escaped inside quotes; before others the escape is text.
      const bool escapes = text_[at_] == '"' || text_[at_] == '$' || text_[at_] == mode_.escape;
      out += escapes ? text_[at_++] : c;
    } else {
      out += c;
      ++at_;
    }
    if (out.size() > kMaxLength)
      return fail(ErrorCode::kExhausted, "the result is longer than 1 MiB");
  }
  return bad("syntax error: missing closing \"");
}

/// `<`, `<<` and the blanks behind it stay together, so that `<< EOF` is one word.
std::string Reader::heredoc_mark() {
  ++at_;
  if (!next_is('<')) return "<";
  ++at_;
  std::string out = "<<";
  while (next_is(' ') || next_is('\t') || next_is('\r')) out += text_[at_++];
  return out;
}

std::string Reader::name() {
  std::string out;
  while (!at_end()) {
    const Character next = first_character(text_.substr(at_));
    const bool digit = is_digit(next.code);
    if (out.empty() && digit) {  // a positional parameter: digits only
      while (!at_end() && is_digit(first_character(text_.substr(at_)).code))
        out += take_character();
      return out;
    }
    if (out.empty() && is_special_name(next.code)) return std::string(take_character());
    if (!is_letter(next.code) && !digit && next.code != '_') break;
    out += take_character();
  }
  return out;
}

Reader::Value Reader::value_of(const std::string& name) {
  if (std::optional<std::string> value = lookup_ ? lookup_(name) : std::nullopt)
    return {std::move(*value), true};
  if (unset_ != nullptr && std::find(unset_->begin(), unset_->end(), name) == unset_->end())
    unset_->push_back(name);
  return {};
}

Result<std::string> Reader::dollar() {
  ++at_;
  if (next_is('{')) {
    if (depth_ >= kMaxDepth) return bad("${…} is nested more than 100 deep");
    ++depth_;
    Result<std::string> out = braced();
    --depth_;
    return out;
  }
  const std::string variable = name();
  if (variable.empty()) return std::string("$");
  Value value = value_of(variable);
  return !value.set && mode_.keep_unset ? "$" + variable : std::move(value.text);
}

Result<std::string> Reader::braced() {
  ++at_;
  if (at_end()) return bad("syntax error: missing '}'");
  if (next_is('{') || next_is('}') || next_is(':'))
    return bad("syntax error: ${ must be followed by a name");
  const std::string variable = name();
  if (at_end()) return bad("syntax error: missing '}'");
  char modifier = text_[at_++];
  switch (modifier) {
    case '}': {
      Value value = value_of(variable);
      return !value.set && mode_.keep_unset ? "${" + variable + "}" : std::move(value.text);
    }
    case ':':
      if (at_end()) return bad("syntax error: missing '}'");
      modifier = text_[at_++];
      if (modifier == '-' || modifier == '+' || modifier == '?')
        return with_default(variable, modifier, true);
      return bad("unsupported modifier :" + std::string(1, modifier) + " in ${" + variable + "…}");
    case '-':
    case '+':
    case '?':
      return with_default(variable, modifier, false);
    case '#':
    case '%':
      return without_ends(variable, modifier);
    case '/':
      return replaced(variable);
    default:
      return bad("unsupported modifier " + quoted(std::string(1, modifier)) + " in ${" + variable +
                 "…}");
  }
}

/// A word inside ${…}.
Result<std::string> Reader::inner(char stop, bool keep_escapes, std::string_view missing) {
  const bool saved = std::exchange(keep_escapes_, keep_escapes);
  Result<std::string> out = read(stop, nullptr);
  keep_escapes_ = saved;
  if (!out && at_end() && out.error().code() == ErrorCode::kInvalid)
    return bad("syntax error: missing " + std::string(missing));
  return out;
}

Result<std::string> Reader::with_default(const std::string& name, char modifier,
                                         bool null_is_unset) {
  const std::string word = SLIP_TRY(inner('}', false, "'}'"));
  Value value = value_of(name);
  if (!value.set && mode_.keep_unset)
    return "${" + name + (null_is_unset ? ":" : "") + modifier + word + "}";
  const bool empty = !value.set || (null_is_unset && value.text.empty());
  if (modifier == '-') return empty ? word : std::move(value.text);
  if (modifier == '+') return empty ? std::string() : word;
  if (!empty) return std::move(value.text);
  if (!word.empty()) return bad(name + ": " + word);
  return bad(name + (value.set ? " is not allowed to be empty" : " is not allowed to be unset"));
}

Result<std::string> Reader::without_ends(const std::string& name, char modifier) {
  std::string pattern = SLIP_TRY(inner('}', true, "'}'"));
  Value value = value_of(name);
  if (!value.set && mode_.keep_unset) return "${" + name + modifier + pattern + "}";
  const bool longest = !pattern.empty() && pattern[0] == modifier;
  if (longest) pattern.erase(0, 1);
  const Longest how = longest ? Longest::kYes : Longest::kNo;
  return modifier == '%' ? remove_suffix(value.text, pattern, how)
                         : remove_prefix(value.text, pattern, how);
}

Result<std::string> Reader::replaced(const std::string& name) {
  const bool all = next_is('/');
  if (all) ++at_;
  const std::string pattern = SLIP_TRY(inner('/', true, "'/' in ${x/pattern/text}"));
  const std::string replacement = SLIP_TRY(inner('}', true, "'}'"));
  Value value = value_of(name);
  if (!value.set && mode_.keep_unset) return "${" + name + "/" + pattern + "/" + replacement + "}";
  return replace_matches(value.text, pattern, replacement,
                         all ? EveryMatch::kYes : EveryMatch::kNo);
}

}  // namespace

Result<ReadWord> read_word(std::string_view text, const WordMode& mode,
                           const VariableLookup& lookup, std::vector<std::string>* unset) {
  Words words;
  Result<std::string> out = Reader(text, mode, lookup, unset).read(0, &words);
  if (!out) return fail(std::move(out).error().within("expand " + quoted(text)));
  return ReadWord{*std::move(out), words.take()};
}

}  // namespace dockerfile

Result<std::string> expand_word(std::string_view word, char escape, const VariableLookup& lookup,
                                std::vector<std::string>* unset) {
  dockerfile::WordMode mode;
  mode.escape = escape;
  return SLIP_TRY(dockerfile::read_word(word, mode, lookup, unset)).text;
}

Result<std::vector<std::string>> expand_words(std::string_view text, char escape,
                                              const VariableLookup& lookup) {
  dockerfile::WordMode mode;
  mode.escape = escape;
  return SLIP_TRY(dockerfile::read_word(text, mode, lookup, nullptr)).words;
}

Result<std::string> expand_heredoc(std::string_view text, char escape,
                                   const VariableLookup& lookup) {
  dockerfile::WordMode mode;
  mode.escape = escape;
  mode.quotes_are_text = true;
  return SLIP_TRY(dockerfile::read_word(text, mode, lookup, nullptr)).text;
}

}  // namespace slipway::pipeline
