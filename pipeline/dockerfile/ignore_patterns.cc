// Lists of patterns that leave paths out. A pattern is compiled to atoms and run as a set of states over the path,
// so time is bounded by length of path times length of pattern, whatever the stars. Most patterns never get that
// far: literal text that they must have is not in the path.
// Spec: Dockerfile reference, ".dockerignore file"; Go's path/filepath, Match and Clean.
#include <algorithm>

#include "pipeline/dockerfile.h"
#include "pipeline/dockerfile/characters.h"

namespace slipway::pipeline {
namespace {

using dockerfile::Character;
using dockerfile::first_raw_character;

constexpr std::size_t kMaxPatterns = 10'000;
constexpr std::size_t kMaxPatternBytes = 4096;  // PATH_MAX: a longer one could match nothing

/// One step of a pattern.
struct Atom {
  enum Kind {
    kLiteral,
    kAny,      ///< `?`
    kSet,      ///< `[a-z]`
    kStar,     ///< `*`
    kFolders,  ///< `**/`: nothing, or anything that ends in a slash
    kRest      ///< `**` at the end: anything
  };
  Kind kind = kLiteral;
  bool negated = false;
  std::vector<std::pair<char32_t, char32_t>> ranges;  ///< kSet; kLiteral: one
};

/// Go's filepath.Clean.
std::string clean(std::string_view path) {
  const bool rooted = !path.empty() && path[0] == '/';
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    if (part.empty() || part == ".") continue;
    if (part == ".." && !parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (part != ".." || !rooted) {
      parts.push_back(part);
    }
  }
  std::string out = rooted ? "/" : "";
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) out += '/';
    out += parts[i];
  }
  return out.empty() ? "." : out;
}

Atom set_atom(std::string_view text, std::size_t& at) {
  Atom atom;
  atom.kind = Atom::kSet;
  ++at;
  if (at < text.size() && text[at] == '^') atom.negated = true, ++at;
  const auto member = [&]() -> char32_t {
    if (at < text.size() && text[at] == '\\') ++at;
    if (at >= text.size()) return 0;
    const Character character = first_raw_character(text.substr(at));
    at += character.bytes;
    return character.code;
  };
  for (bool first = true; at < text.size() && (first || text[at] != ']'); first = false) {
    const char32_t low = member();
    char32_t high = low;
    if (at < text.size() && text[at] == '-') ++at, high = member();
    atom.ranges.emplace_back(low, high);
  }
  ++at;
  return atom;
}

std::vector<Atom> compile(std::string_view text) {
  std::vector<Atom> out;
  std::size_t at = 0;
  while (at < text.size()) {
    const char c = text[at];
    Atom atom;
    if (c == '*' && at + 1 < text.size() && text[at + 1] == '*') {
      const bool leads = at == 0;
      at += 2;
      if (at < text.size() && text[at] == '/') {
        ++at;
        atom.kind = at == text.size() ? Atom::kRest : Atom::kFolders;
      } else if (at == text.size()) {
        atom.kind = Atom::kRest;
      } else {
        // The reference takes "a**b" as "a**/b", but a pattern "**b" with no other wildcard as "ends in b".
        const bool plain = text.find_first_of("*?[\\", at) == std::string_view::npos;
        atom.kind = leads && plain ? Atom::kRest : Atom::kFolders;
      }
    } else if (c == '*') {
      atom.kind = Atom::kStar;
      ++at;
    } else if (c == '?') {
      atom.kind = Atom::kAny;
      ++at;
    } else if (c == '[') {
      atom = set_atom(text, at);
    } else {
      if (c == '\\' && at + 1 < text.size()) ++at;
      const Character character = first_raw_character(text.substr(at));
      atom.kind = Atom::kLiteral;
      atom.ranges.emplace_back(character.code, character.code);
      at += character.bytes;
    }
    out.push_back(std::move(atom));
  }
  return out;
}

bool in_set(const Atom& atom, char32_t code) {
  return std::any_of(atom.ranges.begin(), atom.ranges.end(), [&](const auto& range) {
    return range.first <= code && code <= range.second;
  });
}

/// Runs a pattern over a path. State i: the atoms before i have matched.
class Run {
 public:
  explicit Run(const std::vector<Atom>& atoms)
      : atoms_(atoms), now_(atoms.size() + 1), next_(atoms.size() + 1) {
    enter(now_, 0);
  }
  void feed(std::string_view path) {
    while (!path.empty() && alive_) {
      const Character character = first_raw_character(path);
      step(character.code);
      path.remove_prefix(character.bytes);
    }
  }
  bool alive() const { return alive_; }
  bool matched() const { return now_[atoms_.size()] != 0; }

 private:
  void enter(std::vector<char>& states, std::size_t at) {
    for (; at <= atoms_.size(); ++at) {
      states[at] = 1;
      if (at == atoms_.size()) return;
      const Atom::Kind kind = atoms_[at].kind;
      if (kind != Atom::kFolders && kind != Atom::kStar && kind != Atom::kRest) return;
    }
  }
  void step(char32_t code) {
    std::fill(next_.begin(), next_.end(), char{0});
    for (std::size_t i = 0; i < atoms_.size(); ++i)
      if (now_[i] != 0) advance(i, code);
    now_.swap(next_);
    alive_ = std::any_of(now_.begin(), now_.end(), [](char state) { return state != 0; });
  }
  void advance(std::size_t i, char32_t code) {
    const Atom& atom = atoms_[i];
    switch (atom.kind) {
      case Atom::kLiteral:
        if (atom.ranges[0].first == code) enter(next_, i + 1);
        break;
      case Atom::kAny:
        if (code != '/') enter(next_, i + 1);
        break;
      case Atom::kSet:
        if (in_set(atom, code) != atom.negated) enter(next_, i + 1);
        break;
      case Atom::kStar:
        if (code != '/') enter(next_, i);
        break;
      case Atom::kRest:
        enter(next_, i);
        break;
      case Atom::kFolders:
        next_[i] = 1;  // inside: what follows may begin behind a slash only
        if (code == '/') enter(next_, i + 1);
        break;
    }
  }
  const std::vector<Atom>& atoms_;
  std::vector<char> now_;
  std::vector<char> next_;
  bool alive_ = true;
};

/// Literal text that every match begins with, and the longest that every match has somewhere.
void note_literals(const std::vector<Atom>& atoms, std::string& prefix, std::string& needle) {
  std::u32string run;
  std::u32string longest;
  bool first = true;
  const auto end_run = [&] {
    if (first) prefix = dockerfile::to_bytes(run);
    if (run.size() > longest.size()) longest = run;
    first = false;
    run.clear();
  };
  for (const Atom& atom : atoms) {
    if (atom.kind == Atom::kLiteral) {
      run += atom.ranges[0].first;
    } else {
      end_run();
    }
  }
  end_run();
  needle = dockerfile::to_bytes(longest);
}

}  // namespace

struct IgnorePatterns::Pattern {
  bool negated = false;
  std::string text;  ///< Without the '!'.
  std::vector<Atom> atoms;
  std::string prefix;
  std::string needle;

  /// Whether it matches `path` or a folder above it.
  bool matches(std::string_view path) const {
    if (path.substr(0, prefix.size()) != prefix) return false;
    if (path.find(needle) == std::string_view::npos) return false;
    Run run(atoms);
    while (run.alive()) {
      const std::size_t slash = path.find('/');
      run.feed(path.substr(0, slash));
      if (run.matched()) return true;
      if (slash == std::string_view::npos) return false;
      run.feed("/");
      path.remove_prefix(slash + 1);
    }
    return false;
  }
  /// Whether it matches `path`, a folder above it, or could match something below it.
  bool may_match_below(std::string_view path) const {
    if (matches(path)) return true;
    Run run(atoms);
    run.feed(path);
    run.feed("/");
    return run.alive();
  }
};

IgnorePatterns::IgnorePatterns() : patterns_(std::make_shared<const std::vector<Pattern>>()) {}

Result<IgnorePatterns> IgnorePatterns::of(const std::vector<std::string>& patterns) {
  if (patterns.size() > kMaxPatterns)
    return fail(ErrorCode::kExhausted, "read ignore patterns: more than 10000");
  std::vector<Pattern> compiled;
  for (const std::string& line : patterns) {
    std::string_view text = dockerfile::trim_space(line);
    if (text.empty()) continue;
    Pattern pattern;
    pattern.negated = text[0] == '!';
    if (pattern.negated) text = dockerfile::trim_space(text.substr(1));
    if (text.empty())
      return fail(ErrorCode::kInvalid, "read ignore pattern \"!\": a pattern must follow the '!'");
    if (text.size() > kMaxPatternBytes)
      return fail(ErrorCode::kInvalid,
                  "read ignore pattern " + dockerfile::quoted(text) + ": longer than 4096 bytes");
    pattern.text = clean(text);
    if (pattern.text.size() > 1 && pattern.text[0] == '/') pattern.text.erase(0, 1);
    SLIP_TRY(match_path(pattern.text, "."));
    pattern.atoms = compile(pattern.text);
    note_literals(pattern.atoms, pattern.prefix, pattern.needle);
    compiled.push_back(std::move(pattern));
  }
  IgnorePatterns out;
  out.patterns_ = std::make_shared<const std::vector<Pattern>>(std::move(compiled));
  return out;
}

Result<IgnorePatterns> IgnorePatterns::parse(std::string_view text) {
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3);
  std::vector<std::string> patterns;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.empty() && line[0] != '#') patterns.emplace_back(line);
    if (patterns.size() > kMaxPatterns) break;
  }
  return of(patterns);
}

bool IgnorePatterns::ignores(std::string_view path) const {
  if (path.empty() || path == ".") return false;
  bool ignored = false;
  for (const Pattern& pattern : *patterns_)
    if (pattern.negated == ignored && pattern.matches(path)) ignored = !ignored;
  return ignored;
}

bool IgnorePatterns::may_include_below(std::string_view path) const {
  if (path.empty() || path == ".") return true;
  return std::any_of(patterns_->begin(), patterns_->end(), [&](const Pattern& pattern) {
    return pattern.negated && pattern.may_match_below(path);
  });
}

bool IgnorePatterns::empty() const { return patterns_->empty(); }

bool IgnorePatterns::ignores_everything() const {
  return std::any_of(patterns_->begin(), patterns_->end(), [](const Pattern& pattern) {
    return !pattern.negated &&
           (pattern.text == "*" || pattern.text == "**" || pattern.text == "**/*");
  });
}

bool IgnorePatterns::has_exceptions() const {
  return std::any_of(patterns_->begin(), patterns_->end(),
                     [](const Pattern& pattern) { return pattern.negated; });
}

}  // namespace slipway::pipeline
