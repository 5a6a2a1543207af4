// Readable syntax errors. The library stops where its grammar breaks, which is often a line after
// the slip; the rules here look at the text around that place.
#include "pipeline/yaml/syntax_help.h"

#include <optional>

#include "base/text.h"
#include "pipeline/yaml/locate.h"

namespace slipway::pipeline::yaml {

namespace {

struct Finding {
  Span span;
  std::string message;
  std::string help;
};

struct Scene {
  std::string_view text;
  Span place;
  std::string_view words;
  OpenCollection flow;
  std::string_view line;      // where the library gave up
  std::string_view previous;  // the last line before it that says something
  int previous_number = 0;
};

bool says_something(std::string_view line) {
  const std::string_view content = trim(line);
  return !content.empty() && content.front() != '#';
}

std::size_t indent_of(std::string_view line) {
  const std::size_t at = line.find_first_not_of(" \t");
  return at == std::string_view::npos ? line.size() : at;
}

Span line_span(const Scene& scene, std::string_view line, int number) {
  const auto column = static_cast<int>(indent_of(line)) + 1;
  const auto end = static_cast<int>(line.size()) + 1;
  return {scene.place.file, number, column, number, end > column ? end : column + 1};
}

// Tabs in the indentation of the line, or of the one before it.
std::optional<Finding> tab_rule(const Scene& scene) {
  const auto tab_in = [&](std::string_view line, int number) -> std::optional<Finding> {
    const std::size_t tab = line.substr(0, indent_of(line)).find('\t');
    if (tab == std::string_view::npos) return std::nullopt;
    const auto column = static_cast<int>(tab) + 1;
    return Finding{{scene.place.file, number, column, number, column + 1},
                   "a tab is used for indentation",
                   "YAML forbids tabs there; use spaces"};
  };
  if (auto found = tab_in(scene.line, scene.place.line)) return found;
  return tab_in(scene.previous, scene.previous_number);
}

std::optional<Finding> flow_rule(const Scene& scene) {
  if (scene.words.find("flow not found") == std::string_view::npos || scene.flow.bracket == 0)
    return std::nullopt;
  const std::string open(1, scene.flow.bracket);
  const std::string close(1, scene.flow.bracket == '[' ? ']' : '}');
  return Finding{scene.flow.span, "\"" + open + "\" is never closed",
                 "close it with \"" + close + "\", and separate what is inside with commas"};
}

// A line without any colon before a `key:` line was read as part of that key.
std::optional<Finding> missing_colon_rule(const Scene& scene) {
  if (scene.words != "illegal map value") return std::nullopt;
  const std::string_view before = trim(scene.previous);
  if (before.empty() || before.front() == '-' || before.find(':') != std::string_view::npos)
    return std::nullopt;
  if (indent_of(scene.previous) != indent_of(scene.line)) return std::nullopt;
  return Finding{line_span(scene, scene.previous, scene.previous_number),
                 "expected \"key: value\", found no colon", "write \":\" behind the key"};
}

// `run: echo: hi`: a second ": " in a plain value.
std::optional<Finding> second_colon_rule(const Scene& scene) {
  if (scene.words != "illegal map value") return std::nullopt;
  const std::size_t first = scene.line.find(": ");
  if (first == std::string_view::npos || scene.place.column < 2 ||
      static_cast<std::size_t>(scene.place.column) - 1 <= first)
    return std::nullopt;
  return Finding{scene.place, "a second \": \" in one value",
                 "put the value in quotes, or write it below the key as a block with \"|\""};
}

std::optional<Finding> indentation_rule(const Scene& scene) {
  const bool map_value = scene.words == "illegal map value";
  const bool ended =
      scene.words == "end of map not found" || scene.words == "end of sequence not found";
  if (!map_value && !ended) return std::nullopt;
  const std::string_view content = trim(scene.line);
  if (ended && static_cast<std::size_t>(scene.place.column) > indent_of(scene.line) + 1)
    return Finding{scene.place, "unexpected text after a value",
                   "start a new line, or put the whole value in quotes"};
  if (content.empty()) return std::nullopt;
  return Finding{line_span(scene, scene.line, scene.place.line),
                 "the indentation does not fit the lines above",
                 "keys of one map start in the same column; what belongs to a key is indented "
                 "deeper"};
}

struct Wording {
  std::string_view library;  // Prefix of yaml-cpp's message.
  std::string_view message;
  std::string_view help;
};
constexpr Wording kWordings[] = {
    {"the referenced anchor is not defined", "this alias names no anchor",
     "define it before with \"&name\"; text that starts with \"*\" needs quotes"},
    {"unknown token", "a value cannot start with this character", "put the value in quotes: \"…\""},
    {"illegal flow end", "a closing bracket without an opening one",
     "remove it, or put the value in quotes"},
    {"illegal block entry", "a list item \"- …\" cannot stand here",
     "start list items on lines of their own, below the key"},
    {"illegal map key", "a key cannot stand here", "check the indentation of this line"},
    {"illegal EOF in scalar", "the quote is never closed", "close it with the same quote"},
    {"unknown escape character", "unknown escape in a double-quoted string",
     "write \"\\\\\" for a backslash, or use single quotes"},
    {"bad character found while scanning hex", "bad escape in a double-quoted string",
     "write \"\\\\\" for a backslash, or use single quotes"},
    {"invalid unicode", "bad escape in a double-quoted string", "use a valid code point"},
    {"illegal tab when looking for indentation", "a tab is used for indentation",
     "YAML forbids tabs there; use spaces"},
    {"anchor not found after &", "an anchor needs a name",
     "text that starts with \"&\" needs quotes"},
    {"alias not found after *", "an alias needs a name",
     "text that starts with \"*\" needs quotes"},
    {"illegal character found while scanning alias", "bad character in an alias",
     "text that starts with \"*\" needs quotes"},
    {"illegal character found while scanning anchor", "bad character in an anchor",
     "text that starts with \"&\" needs quotes"},
    {"cannot set zero indentation", "a block's indentation cannot be 0", ""},
    {"unexpected character in block scalar", "unexpected text behind \"|\" or \">\"",
     "start the text on the next line"},
    {"bad file", "nested deeper than 64 levels", ""},
};

using Rule = std::optional<Finding> (*)(const Scene&);
// In order: the surest explanation first.
constexpr Rule kRules[] = {tab_rule, flow_rule, missing_colon_rule, second_colon_rule,
                           indentation_rule};

Scene look_around(std::string_view text, Span place, std::string_view words,
                  const OpenCollection& flow) {
  Scene scene{text, place, words, flow, line_text(text, place.line), {}, 0};
  for (int number = place.line - 1; number > 0 && number > place.line - 20; --number) {
    const std::string_view line = line_text(text, number);
    if (!says_something(line)) continue;
    scene.previous = line;
    scene.previous_number = number;
    break;
  }
  return scene;
}

}  // namespace

Diagnostic explain_syntax(std::string_view text, Span place, std::string_view library_words,
                          const OpenCollection& innermost_flow) {
  const Scene scene = look_around(text, place, library_words, innermost_flow);
  for (const Rule rule : kRules)
    if (auto found = rule(scene))
      return {Severity::kError, found->span, std::move(found->message), std::move(found->help), {}};
  for (const Wording& wording : kWordings)
    if (library_words.substr(0, wording.library.size()) == wording.library)
      return {Severity::kError, place, std::string(wording.message), std::string(wording.help), {}};
  return {Severity::kError, place, "bad YAML: " + printable(library_words), "", {}};
}

}  // namespace slipway::pipeline::yaml
