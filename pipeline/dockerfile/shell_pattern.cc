// Shell patterns inside ${…}. A pattern is cut at its stars into segments of fixed length. What comes before a star
// needs only its earliest place: whatever fits after a later one fits after that, too. So nothing is ever tried twice
// and time is bounded by length of value times length of pattern. The last segment decides how long the match is: its
// earliest place gives the shortest, its last place the longest.
#include "pipeline/dockerfile/shell_pattern.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "pipeline/dockerfile/characters.h"

namespace slipway::pipeline::dockerfile {
namespace {

// Patterns are written by hand; with the bound on values this bounds the work of one expansion.
constexpr std::size_t kMaxPattern = 4096;
constexpr std::size_t kMaxValue = std::size_t{64} << 10;

struct Token {
  bool any = false;  ///< `?`
  char32_t code = 0;
};
using Segment = std::vector<Token>;
using Pattern = std::vector<Segment>;  ///< One more than there are stars.

struct Match {
  std::size_t begin = 0;
  std::size_t end = 0;
};

Result<Pattern> compile(std::string_view text) {
  const std::u32string pattern = to_characters(text);
  if (pattern.size() > kMaxPattern)
    return fail(ErrorCode::kExhausted, "match pattern: longer than 4096 characters");
  Pattern out(1);
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    char32_t code = pattern[i];
    if (code == '*') {
      out.emplace_back();
      continue;
    }
    if (code == '\\') {
      const char32_t next = i + 1 < pattern.size() ? pattern[i + 1] : 0;
      if (next == '}' || next == '/' || next == '*' || next == '?' || next == '\\') {
        code = next;
        ++i;
      } else {
        return fail(ErrorCode::kInvalid,
                    "match pattern " + quoted(text) +
                        ": a backslash may stand before *, ?, /, } and a backslash only");
      }
    } else if (code == '?') {
      out.back().push_back({true, 0});
      continue;
    }
    out.back().push_back({false, code});
  }
  return out;
}

bool fits(const Segment& segment, std::u32string_view value, std::size_t at) {
  if (at > value.size() || value.size() - at < segment.size()) return false;
  for (std::size_t i = 0; i < segment.size(); ++i)
    if (!segment[i].any && segment[i].code != value[at + i]) return false;
  return true;
}

std::optional<std::size_t> earliest(const Segment& segment, std::u32string_view value,
                                    std::size_t from) {
  for (std::size_t at = from; at + segment.size() <= value.size(); ++at)
    if (fits(segment, value, at)) return at;
  return std::nullopt;
}

std::optional<std::size_t> last(const Segment& segment, std::u32string_view value,
                                std::size_t from) {
  if (value.size() < segment.size()) return std::nullopt;
  for (std::size_t at = value.size() - segment.size() + 1; at-- > from;)
    if (fits(segment, value, at)) return at;
  return std::nullopt;
}

/// Where a match that begins at `begin`, where the first segment fits, ends.
std::optional<std::size_t> match_end(const Pattern& pattern, std::u32string_view value,
                                     std::size_t begin, Longest longest) {
  std::size_t end = begin + pattern[0].size();
  for (std::size_t i = 1; i < pattern.size(); ++i) {
    const bool latest = longest == Longest::kYes && i + 1 == pattern.size();
    const auto at = latest ? last(pattern[i], value, end) : earliest(pattern[i], value, end);
    if (!at) return std::nullopt;
    end = *at + pattern[i].size();
  }
  return end;
}

std::optional<Match> find(const Pattern& pattern, std::u32string_view value, std::size_t from) {
  const auto begin = earliest(pattern[0], value, from);
  if (!begin) return std::nullopt;
  const auto end = match_end(pattern, value, *begin, Longest::kYes);
  if (!end) return std::nullopt;  // and a later begin leaves even less room
  return Match{*begin, *end};
}

Result<std::u32string> bounded(std::string_view value) {
  if (value.size() > kMaxValue)
    return fail(ErrorCode::kExhausted, "match pattern: the value is longer than 64 KiB");
  return to_characters(value);
}

}  // namespace

Result<std::string> remove_prefix(std::string_view value, std::string_view pattern,
                                  Longest longest) {
  const Pattern compiled = SLIP_TRY(compile(pattern));
  const std::u32string characters = SLIP_TRY(bounded(value));
  if (!fits(compiled[0], characters, 0)) return std::string(value);
  const auto end = match_end(compiled, characters, 0, longest);
  return end ? to_bytes(std::u32string_view(characters).substr(*end)) : std::string(value);
}

Result<std::string> remove_suffix(std::string_view value, std::string_view pattern,
                                  Longest longest) {
  Pattern compiled = SLIP_TRY(compile(pattern));
  std::u32string characters = SLIP_TRY(bounded(value));
  std::reverse(compiled.begin(), compiled.end());
  for (Segment& segment : compiled) std::reverse(segment.begin(), segment.end());
  std::reverse(characters.begin(), characters.end());
  if (!fits(compiled[0], characters, 0)) return std::string(value);
  const auto end = match_end(compiled, characters, 0, longest);
  if (!end) return std::string(value);
  characters.erase(0, *end);
  std::reverse(characters.begin(), characters.end());
  return to_bytes(characters);
}

Result<std::string> replace_matches(std::string_view value, std::string_view pattern,
                                    std::string_view replacement, EveryMatch every) {
  const Pattern compiled = SLIP_TRY(compile(pattern));
  const std::u32string characters = SLIP_TRY(bounded(value));
  const std::u32string_view all = characters;
  std::string out;
  std::size_t copied = 0;
  for (std::size_t at = 0; at <= all.size();) {
    const auto match = find(compiled, all, at);
    if (!match) break;
    out += to_bytes(all.substr(copied, match->begin - copied));
    // An empty match right behind the match before it does not count.
    if (match->end > copied || match->begin == 0) out += replacement;
    copied = match->end;
    if (every == EveryMatch::kNo) break;
    if (out.size() > (std::size_t{1} << 20))
      return fail(ErrorCode::kExhausted, "replace matches: the result is longer than 1 MiB");
    at = std::max(at + 1, match->end);
  }
  return out + to_bytes(all.substr(copied));
}

}  // namespace slipway::pipeline::dockerfile
