// Reading WWW-Authenticate. What is done with a challenge is tokens.cc's business.
//
//   header     := challenge { "," challenge }
//   challenge  := token [ SP ( token68 | parameter { "," parameter } ) ]
//   parameter  := token "=" ( token | quoted-string )
// A comma separates both parameters and challenges: what follows one is a parameter if a "=" comes behind its first
// token, else the next challenge's scheme.
#include "cachestore/registry/auth_header.h"

#include <algorithm>
#include <optional>

#include "base/text.h"

namespace slipway::cachestore {
namespace {

constexpr std::size_t kMaxChallenges = 16;
constexpr std::size_t kMaxParameters = 32;

bool is_token(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  void skip_blanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t'))
      rest_.remove_prefix(1);
  }
  void skip_commas() {
    for (skip_blanks(); take(','); skip_blanks()) {
    }
  }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string_view token() {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_token);
    const std::string_view word = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    rest_.remove_prefix(word.size());
    return word;
  }
  std::optional<std::string> quoted() {
    std::string text;
    while (!rest_.empty()) {
      char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == '"') return text;
      if (c == '\\') {
        if (rest_.empty()) return std::nullopt;
        c = rest_.front();
        rest_.remove_prefix(1);
      }
      text += c;
    }
    return std::nullopt;
  }
  std::string_view rest() const { return rest_; }
  void restore(std::string_view rest) { rest_ = rest; }

 private:
  std::string_view rest_;
};

/// name "=" value; false (and nothing read) when this is no parameter. `broken` when it is one, but not a whole one.
bool read_parameter(Reader& reader, Challenge& challenge, bool& broken) {
  const std::string_view before = reader.rest();
  const std::string_view name = reader.token();
  reader.skip_blanks();
  if (name.empty() || !reader.take('=')) {
    reader.restore(before);
    return false;
  }
  reader.skip_blanks();
  std::string value;
  if (reader.take('"')) {
    std::optional<std::string> text = reader.quoted();
    broken = !text.has_value();
    value = std::move(text).value_or("");
  } else {
    value = reader.token();
  }
  if (challenge.parameters.size() == kMaxParameters) broken = true;
  if (!broken) challenge.parameters.emplace_back(to_lower(name), std::move(value));
  return true;
}

/// Base64 text after the scheme ("Negotiate YII="): no registry uses it for what we can answer; it is stepped over.
void skip_token68(Reader& reader) {
  const std::string_view before = reader.rest();
  std::size_t length = 0;
  while (length < before.size() && (is_token(before[length]) || before[length] == '/')) ++length;
  while (length < before.size() && before[length] == '=') ++length;
  std::string_view after = before.substr(length);
  while (!after.empty() && (after.front() == ' ' || after.front() == '\t')) after.remove_prefix(1);
  if (length > 0 && (after.empty() || after.front() == ',')) reader.restore(after);
}

}  // namespace

std::string_view Challenge::parameter(std::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return {};
}

std::vector<Challenge> parse_challenges(std::string_view value) {
  std::vector<Challenge> challenges;
  Reader reader(value);
  for (reader.skip_commas(); !reader.at_end() && challenges.size() < kMaxChallenges;
       reader.skip_commas()) {
    Challenge challenge;
    challenge.scheme = to_lower(reader.token());
    if (challenge.scheme.empty()) break;
    reader.skip_blanks();
    bool broken = false;
    skip_token68(reader);
    while (!broken && read_parameter(reader, challenge, broken)) reader.skip_commas();
    if (broken) break;
    challenges.push_back(std::move(challenge));
  }
  return challenges;
}

}  // namespace slipway::cachestore
