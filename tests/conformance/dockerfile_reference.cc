// Compares our Dockerfile parser and words with the reference implementation's own test data, which is not part of this
// project: dockerfile_reference FOLDER [PATTERNS], where FOLDER is frontend/dockerfile of a checkout of moby/buildkit
// and PATTERNS is patternmatcher_test.go of moby/patternmatcher.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include "base/text.h"
#include "pipeline/dockerfile.h"

namespace slipway::pipeline {
namespace {

namespace fs = std::filesystem;

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

/// Go's strconv.Quote, for the characters that the data has.
std::string quote(std::string_view text) {
  const std::map<char, std::string> escapes = {{'"', "\\\""}, {'\\', "\\\\"}, {'\t', "\\t"},
                                               {'\n', "\\n"}, {'\b', "\\b"},  {'\f', "\\f"},
                                               {'\r', "\\r"}, {'\0', "\\x00"}};
  std::string out = "\"";
  for (const char c : text) {
    const auto escape = escapes.find(c);
    out += escape == escapes.end() ? std::string(1, c) : escape->second;
  }
  return out + '"';
}

std::vector<std::string> arguments(const Instruction& one) {
  std::vector<std::string> out;
  if (one.kind == InstructionKind::kFrom) {
    std::istringstream words(one.text);
    for (std::string word; words >> word;) out.push_back(word);
    return out;
  }
  for (const Assignment& pair : one.assignments) {
    if (one.kind == InstructionKind::kArg) {
      out.push_back(pair.name + (pair.value ? "=" + *pair.value : ""));
    } else {
      out.insert(out.end(), {pair.name, *pair.value, pair.legacy ? "" : "="});
    }
  }
  out.insert(out.end(), one.words.begin(), one.words.end());
  return out;
}

/// The form the reference's parser prints.
std::string dump(const Instruction& one) {
  std::string out = to_lower(one.keyword);
  std::vector<std::string> flags;
  for (const InstructionFlag& flag : one.flags)
    flags.push_back(quote("--" + flag.name + (flag.has_value ? "=" + flag.value : "")));
  if (!flags.empty()) out += " [" + join(flags, " ") + "]";
  if (!one.trigger.empty()) return out + " (" + dump(one.trigger[0]) + ")";
  for (const std::string& argument : arguments(one)) out += ' ' + quote(argument);
  return out;
}

std::string dump(const Dockerfile& file) {
  std::string out;
  const auto add = [&](const Instruction& one) { out += "(" + dump(one) + ")\n"; };
  for (const Instruction& one : file.global_args) add(one);
  for (const DockerStage& stage : file.stages) {
    add(stage.from);
    for (const Instruction& one : stage.instructions) add(one);
  }
  return out;
}

int report(bool same, const std::string& what, const std::string& expected,
           const std::string& got) {
  if (same) return 0;
  std::cout << "--- " << what << "\nexpected: " << expected << "\ngot:      " << got << "\n";
  return 1;
}

/// Whether `got` is `all` without some of its lines.
bool is_part_of(const std::string& got, const std::string& all) {
  std::istringstream left(got);
  std::istringstream right(all);
  for (std::string want; std::getline(left, want);) {
    std::string line;
    while (std::getline(right, line) && line != want) continue;
    if (line != want) return false;
  }
  return true;
}

/// The reference's data ends before the rules of instructions, and needs no FROM: what our rules refuse is left out.
int compare_file(const fs::path& folder) {
  const std::string expected = slurp(folder / "result");
  const std::string text = slurp(folder / "Dockerfile");
  Dockerfile file = parse_dockerfile({"Dockerfile", text});
  std::string got = dump(file);
  if (got.empty() && expected.find("(from") == std::string::npos) {
    file = parse_dockerfile({"Dockerfile", "FROM scratch\n" + text});
    got = dump(file);
    got.erase(0, got.find('\n') + 1);
  }
  const bool same =
      file.diagnostics.empty() ? trim(got) == trim(expected) : is_part_of(got, expected);
  return report(same, folder.filename(), expected,
                got + render(file.diagnostics, file.sources, Colour::kNo));
}

int compare_files(const fs::path& folder) {
  int bad = 0;
  for (const auto& entry : fs::directory_iterator(folder / "parser/testfiles"))
    bad += compare_file(entry.path());
  for (const auto& entry : fs::directory_iterator(folder / "parser/testfiles-negative")) {
    const Dockerfile file = parse_dockerfile({"Dockerfile", slurp(entry.path() / "Dockerfile")});
    bad += report(!file.diagnostics.empty(), entry.path().filename(), "an error", dump(file));
  }
  return bad;
}

int compare_words(const fs::path& path) {
  const std::map<std::string, std::string, std::less<>> values = {
      {"PWD", "/home"}, {"SHELL", "bash"}, {"KOREAN", "한국어"}, {"NULL", ""}};
  const auto lookup = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
  int bad = 0;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    const auto parts = split(line, '|');
    if (line.empty() || line[0] == '#' || parts.size() != 3 || trim(parts[0]) == "W") continue;
    const auto got = expand_word(trim(parts[1]), '\\', lookup);
    const std::string shown = got ? *got : "error";
    bad += report(shown == trim(parts[2]), line, std::string(trim(parts[2])), shown);
  }
  return bad;
}

int compare_splits(const fs::path& path) {
  std::map<std::string, std::string, std::less<>> values;
  const auto lookup = [&](std::string_view name) -> std::optional<std::string> {
    const auto found = values.find(name);
    return found == values.end() ? std::nullopt : std::optional(found->second);
  };
  int bad = 0;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') continue;
    if (line.substr(0, 4) == "ENV ") {
      const std::size_t equals = line.find('=');
      values[line.substr(4, equals - 4)] = line.substr(equals + 1);
      continue;
    }
    const auto parts = split(line, '|');
    if (parts.size() != 2) continue;
    const auto got = expand_words(trim(parts[0]), '\\', lookup);
    const std::string shown = got ? join(*got, ",") : "error";
    std::string_view expected = parts[1];
    while (!expected.empty() && expected[0] == ' ') expected.remove_prefix(1);
    bad += report(shown == expected, line, std::string(expected), shown);
  }
  return bad;
}

/// The string literals of a line of Go.
std::vector<std::string> literals(std::string_view line) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '"') continue;
    std::string text;
    for (++i; i < line.size() && line[i] != '"'; ++i) {
      if (line[i] == '\\') ++i;
      text += line[i];
    }
    out.push_back(text);
  }
  return out;
}

/// Tables of {"pattern", "path", true} and {[]string{"pattern", …}, "path", true}; our paths are clean.
int compare_patterns(const fs::path& path) {
  int bad = 0;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    std::vector<std::string> words = literals(line);
    const std::string_view start = trim(line);
    const bool table = start.substr(0, 2) == "{\"" || start.substr(0, 10) == "{[]string{";
    const bool matches = line.find(", true") != std::string::npos;
    if (!table || words.size() < 2 || (!matches && line.find(", false") == std::string::npos))
      continue;
    std::string name = words.back();
    words.pop_back();
    while (name.size() > 1 && name.back() == '/') name.pop_back();
    if (name == "/") continue;
    const auto patterns = IgnorePatterns::of(words);
    const bool refuses = line.find("ErrBadPattern") != std::string::npos;
    const bool same = refuses ? !patterns : patterns && patterns->ignores(name) == matches;
    bad += report(same, line, matches ? "true" : "false", patterns ? "the other" : "refused");
  }
  return bad;
}

}  // namespace
}  // namespace slipway::pipeline

int main(int argc, char** argv) {
  using namespace slipway::pipeline;
  if (argc != 2 && argc != 3) {
    std::cerr << "usage: dockerfile_reference FOLDER [PATTERNS]\n";
    return 2;
  }
  const std::filesystem::path folder = argv[1];
  const int bad = compare_files(folder) + compare_words(folder / "shell/envVarTest") +
                  compare_splits(folder / "shell/wordsTest") +
                  (argc == 3 ? compare_patterns(argv[2]) : 0);
  std::cout << bad << " differences\n";
  return bad == 0 ? 0 : 1;
}
