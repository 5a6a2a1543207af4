// Globs of gitignore style. Spec: gitignore(5), "PATTERN FORMAT", always anchored at the root.
//
// Matching works on two levels. A pattern is a list of components; `**` stands for any number of
// them. The components between two `**` have a fixed number, so taking the leftmost place where
// they match is always right, and only the last `**` ever has to be tried again: at most
// (components of the path) x (components of the pattern) component matches. Inside a component the
// same argument holds for `*` and characters.
#include "base/glob.h"

#include "base/text.h"

namespace slipway {
namespace {

// Longer than any path component chain people write; bounds the work of one match.
constexpr std::size_t kMaxPattern = 1024;

// The bytes of one UTF-8 character, so that `?` takes a whole one; invalid bytes count singly.
std::size_t char_length(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  const std::size_t length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  return length <= text.size() && valid_utf8(text.substr(0, length)) ? length : 1;
}

std::uint32_t decode(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 1) return byte(0);
  std::uint32_t point = byte(0) & (0xFFU >> (character.size() + 1));
  for (std::size_t i = 1; i < character.size(); ++i) point = point << 6 | (byte(i) & 0x3FU);
  return point;
}

// The length of the class at the front of `pattern` including both brackets; 0 when it is not
// closed.
std::size_t class_length(std::string_view pattern) {
  std::size_t i = 1;
  if (i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^')) ++i;
  bool first = true;
  for (; i < pattern.size(); ++i) {
    if (pattern[i] == ']' && !first) return i + 1;
    first = false;
    if (pattern[i] == '\\') ++i;
  }
  return 0;
}

bool class_contains(std::string_view members, std::uint32_t wanted) {
  members.remove_prefix(1);
  members.remove_suffix(1);
  bool negated = false;
  if (members[0] == '!' || members[0] == '^') {
    negated = true;
    members.remove_prefix(1);
  }
  const auto take = [&members] {
    if (members[0] == '\\' && members.size() > 1) members.remove_prefix(1);
    const std::size_t length = char_length(members);
    const std::uint32_t point = decode(members.substr(0, length));
    members.remove_prefix(length);
    return point;
  };
  bool found = false;
  while (!members.empty()) {
    const std::uint32_t low = take();
    std::uint32_t high = low;
    if (members.size() > 1 && members[0] == '-') {
      members.remove_prefix(1);
      high = take();
    }
    found = found || (low <= wanted && wanted <= high);
  }
  return found != negated;
}

// One pattern element other than `*` against the character at the front of `text`: the bytes each
// side uses, or zero when they do not match.
struct Step {
  std::size_t pattern = 0;
  std::size_t text = 0;
};
Step match_one(std::string_view pattern, std::string_view text) {
  const std::size_t length = char_length(text);
  if (pattern[0] == '?') return {1, length};
  if (pattern[0] == '[') {
    const std::size_t class_bytes = class_length(pattern);
    const bool in = class_contains(pattern.substr(0, class_bytes), decode(text.substr(0, length)));
    return in ? Step{class_bytes, length} : Step{};
  }
  const bool escaped = pattern[0] == '\\' && pattern.size() > 1;
  if (pattern[escaped ? 1 : 0] != text[0]) return {};
  return {escaped ? 2U : 1U, 1};
}

bool component_matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_text = 0;
  while (true) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = ++p;
      star_text = t;
      continue;
    }
    if (t == text.size()) return p == pattern.size();
    const Step step = p < pattern.size() ? match_one(pattern.substr(p), text.substr(t)) : Step{};
    if (step.text > 0) {
      p += step.pattern;
      t += step.text;
    } else if (star != std::string_view::npos) {
      star_text += char_length(text.substr(star_text));
      t = star_text;
      p = star;
    } else {
      return false;
    }
  }
}

// Splits at '/' outside classes: gitignore's classes never match '/', so `[/]` is not special here
// either.
std::vector<std::string_view> components(std::string_view text) { return split(text, '/'); }

enum class Goal { kWhole, kPrefix };

// kPrefix: can the pattern match some path that starts with all of `path` and goes on?
bool path_matches(std::string_view pattern_text, std::string_view path_text, Goal goal) {
  const std::vector<std::string_view> pattern = components(pattern_text);
  const std::vector<std::string_view> path = components(path_text);
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t star_path = 0;
  while (true) {
    if (p < pattern.size() && pattern[p] == "**") {
      if (goal == Goal::kPrefix) return true;
      star = ++p;
      // A trailing `**` takes at least one component: "a/**" is what lies in a, not a itself.
      if (star == pattern.size()) return t < path.size();
      star_path = t;
      continue;
    }
    if (t == path.size()) return goal == Goal::kPrefix ? p < pattern.size() : p == pattern.size();
    if (p < pattern.size() && component_matches(pattern[p], path[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      t = ++star_path;
      p = star;
    } else {
      return false;
    }
  }
}

}  // namespace

Result<Glob> Glob::compile(std::string_view pattern) {
  const auto bad = [&](std::string_view cause) {
    return fail(ErrorCode::kInvalid, "parse glob \"" +
                                         ellipsize(printable(pattern.substr(0, 200)), 60) +
                                         "\": " + std::string(cause));
  };
  if (pattern.size() > kMaxPattern) return bad("longer than 1024 bytes");
  if (pattern.find('\0') != std::string_view::npos) return bad("contains a NUL byte");
  std::string_view rest = pattern;
  if (rest.starts_with('/')) rest.remove_prefix(1);
  if (rest.ends_with('/') && !rest.ends_with("\\/")) rest.remove_suffix(1);
  if (rest.empty()) return bad("empty");
  for (const std::string_view component : components(rest)) {
    for (std::size_t i = 0; i < component.size(); ++i) {
      if (component[i] == '\\') {
        if (++i == component.size()) return bad("ends with a backslash");
      } else if (component[i] == '[') {
        const std::size_t length = class_length(component.substr(i));
        if (length == 0) return bad("unclosed [");
        i += length - 1;
      }
    }
  }
  return Glob(std::string(rest));
}

bool Glob::matches(std::string_view path) const {
  return path_matches(pattern_, path, Goal::kWhole);
}

bool Glob::may_match_below(std::string_view dir) const {
  return dir.empty() || path_matches(pattern_, dir, Goal::kPrefix);
}

Result<GlobList> GlobList::compile(const std::vector<std::string>& patterns) {
  GlobList list;
  for (const std::string& text : patterns) {
    const bool negated = text.starts_with('!');
    Glob glob = SLIP_TRY(Glob::compile(std::string_view(text).substr(negated ? 1 : 0)));
    list.entries_.push_back(Entry{std::move(glob), negated});
  }
  return list;
}

bool GlobList::matches(std::string_view path) const {
  // The last entry that matches the path or one of its parent directories decides.
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    for (std::size_t end = path.size();; end = path.rfind('/', end - 1)) {
      if (end == std::string_view::npos) break;
      if (entry->glob.matches(path.substr(0, end))) return !entry->negated;
      if (end == 0) break;
    }
  }
  return false;
}

}  // namespace slipway
