// Patterns of COPY's and ADD's sources. Spec: Go's path/filepath, Match.
#include "pipeline/dockerfile.h"
#include "pipeline/dockerfile/characters.h"

namespace slipway::pipeline {
namespace {

using dockerfile::Character;
using dockerfile::first_character;

tl::unexpected<Error> bad(std::string_view pattern) {
  return fail(ErrorCode::kInvalid, "match pattern " + dockerfile::quoted(pattern) +
                                       ": a [set] or an escape is not finished");
}

/// One character of a set, escaped or not; false when the pattern is bad.
bool take_member(std::string_view& chunk, char32_t& out) {
  if (chunk.empty() || chunk[0] == '-' || chunk[0] == ']') return false;
  if (chunk[0] == '\\') chunk.remove_prefix(1);
  if (chunk.empty()) return false;
  const Character character = first_character(chunk);
  if (character.code == 0xFFFD && character.bytes == 1) return false;
  out = character.code;
  chunk.remove_prefix(character.bytes);
  return !chunk.empty();
}

/// `chunk` stands behind '['; leaves it behind ']'. Nothing: a bad pattern.
std::optional<bool> take_set(std::string_view& chunk, char32_t code) {
  const bool negated = !chunk.empty() && chunk[0] == '^';
  if (negated) chunk.remove_prefix(1);
  bool match = false;
  for (bool first = true;; first = false) {
    if (!first && !chunk.empty() && chunk[0] == ']') break;
    char32_t low = 0;
    if (!take_member(chunk, low)) return std::nullopt;
    char32_t high = low;
    if (chunk[0] == '-') {
      chunk.remove_prefix(1);
      if (!take_member(chunk, high)) return std::nullopt;
    }
    match = match || (low <= code && code <= high);
  }
  chunk.remove_prefix(1);
  return match != negated;
}

struct Step {
  bool bad = false;
  bool matched = false;
  std::string_view rest;  ///< Of the path.
};

/// A piece of the pattern without stars at the start of `path`. Goes through all of it even after a mismatch, so that a
/// bad pattern is always found.
Step match_chunk(std::string_view chunk, std::string_view path) {
  bool failed = false;
  while (!chunk.empty()) {
    failed = failed || path.empty();
    const char c = chunk[0];
    if (c == '[') {
      const Character character = failed ? Character{} : first_character(path);
      if (!failed) path.remove_prefix(character.bytes);
      chunk.remove_prefix(1);
      const auto match = take_set(chunk, character.code);
      if (!match) return {true, false, {}};
      failed = failed || !*match;
    } else if (c == '?') {
      if (!failed) {
        failed = path[0] == '/';
        path.remove_prefix(first_character(path).bytes);
      }
      chunk.remove_prefix(1);
    } else {
      if (c == '\\') {
        chunk.remove_prefix(1);
        if (chunk.empty()) return {true, false, {}};
      }
      if (!failed) {
        failed = chunk[0] != path[0];
        path.remove_prefix(1);
      }
      chunk.remove_prefix(1);
    }
  }
  return {false, !failed, failed ? std::string_view() : path};
}

/// Splits stars and the piece behind them off the pattern.
std::string_view take_chunk(std::string_view& pattern, bool& star) {
  star = false;
  while (!pattern.empty() && pattern[0] == '*') {
    pattern.remove_prefix(1);
    star = true;
  }
  bool in_set = false;
  std::size_t i = 0;
  for (; i < pattern.size(); ++i) {
    if (pattern[i] == '\\') {
      if (i + 1 < pattern.size()) ++i;
    } else if (pattern[i] == '[') {
      in_set = true;
    } else if (pattern[i] == ']') {
      in_set = false;
    } else if (pattern[i] == '*' && !in_set) {
      break;
    }
  }
  const std::string_view chunk = pattern.substr(0, i);
  pattern.remove_prefix(i);
  return chunk;
}

}  // namespace

Result<bool> match_path(std::string_view pattern, std::string_view path) {
  const std::string_view whole = pattern;
  while (!pattern.empty()) {
    bool star = false;
    const std::string_view chunk = take_chunk(pattern, star);
    if (star && chunk.empty()) return path.find('/') == std::string_view::npos;
    Step step = match_chunk(chunk, path);
    if (step.bad) return bad(whole);
    // The last piece must reach the end; else a later place behind the star may do.
    if (step.matched && (step.rest.empty() || !pattern.empty())) {
      path = step.rest;
      continue;
    }
    bool found = false;
    for (std::size_t i = 0; star && !found && i < path.size() && path[i] != '/'; ++i) {
      step = match_chunk(chunk, path.substr(i + 1));
      if (!step.matched || (pattern.empty() && !step.rest.empty())) continue;
      path = step.rest;
      found = true;
    }
    if (found) continue;
    while (!pattern.empty()) {  // no match, but the rest may be bad
      const std::string_view rest = take_chunk(pattern, star);
      if (match_chunk(rest, {}).bad) return bad(whole);
    }
    return false;
  }
  return path.empty();
}

}  // namespace slipway::pipeline
