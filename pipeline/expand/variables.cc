// `$NAME` texts: expansion, the one value of each variable, dotenv reports. What a job does with them is in
// settle_variables.cc.
#include "pipeline/variables.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"

namespace slipway::pipeline {
namespace {

// One value; variables that double each other must not fill the memory.
constexpr std::size_t kMaxValue = std::size_t{1} << 20;
// Variables that name variables; real chains have three links.
constexpr std::size_t kMaxNesting = 100;

bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool continues_name(char c) { return starts_name(c) || (c >= '0' && c <= '9'); }

std::string_view name_at(std::string_view text, std::size_t at) {
  if (at >= text.size() || !starts_name(text[at])) return {};
  std::size_t end = at + 1;
  while (end < text.size() && continues_name(text[end])) ++end;
  return text.substr(at, end - at);
}

/// A reference at some place of a text: its name and how long it is as written.
struct Reference {
  std::string_view name;
  std::size_t length = 0;  ///< 0: none.
  bool percent = false;
};

// What GitLab's runner takes for the shell's own variables: they are never set.
constexpr std::string_view kShellNames = "*#@!?-0123456789";

Reference reference_at(std::string_view text, std::size_t at) {
  if (text[at] == '%') {
    const std::string_view name = name_at(text, at + 1);
    const std::size_t end = at + 1 + name.size();
    if (!name.empty() && end < text.size() && text[end] == '%')
      return {name, name.size() + 2, true};
    return {};
  }
  if (at + 1 < text.size() && text[at + 1] == '{') {
    // Whatever stands in the braces is a name: "${A:-b}" is no default here, but a variable nobody has set.
    const std::size_t end = text.find('}', at + 2);
    if (end == std::string_view::npos) return {};
    return {text.substr(at + 2, end - at - 2), end + 1 - at};
  }
  if (at + 1 < text.size() && kShellNames.find(text[at + 1]) != std::string_view::npos)
    return {text.substr(at + 1, 1), 2};
  const std::string_view name = name_at(text, at + 1);
  return {name, name.empty() ? 0 : name.size() + 1};
}

/// All values of one job, each made when it is first asked for.
class Resolver {
 public:
  Resolver(std::vector<VariablePlan> strongest, std::string file_dir)
      : variables_(std::move(strongest)), file_dir_(std::move(file_dir)) {
    done_.resize(variables_.size());
    for (std::size_t at = 0; at < variables_.size(); ++at) index_.emplace(variables_[at].name, at);
  }

  std::vector<VariablePlan> run() {
    for (std::size_t at = 0; at < variables_.size(); ++at) settle(at);
    return std::move(variables_);
  }

 private:
  void settle(std::size_t at) {
    VariablePlan& variable = variables_[at];
    if (done_[at] || variable.raw || variable.file) return;
    open_.insert(variable.name);
    variable.value = expand_variables(
        variable.value, [&](std::string_view name) { return value_of(name); }, Unset::kEmpty);
    open_.erase(variable.name);
    done_[at] = true;
  }

  std::optional<std::string> value_of(std::string_view name) {
    const auto found = index_.find(name);
    if (found == index_.end()) return std::nullopt;
    if (open_.contains(name) || open_.size() >= kMaxNesting) return "$" + std::string(name);
    settle(found->second);
    const VariablePlan& variable = variables_[found->second];
    return variable.file ? file_dir_ + "/" + variable.name : variable.value;
  }

  std::vector<VariablePlan> variables_;
  std::string file_dir_;
  std::vector<bool> done_;
  std::map<std::string, std::size_t, std::less<>> index_;
  std::set<std::string, std::less<>> open_;  // being expanded right now
};

}  // namespace

std::string expand_variables(std::string_view text, const VariableLookup& lookup, Unset unset) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t mark = std::min(text.find_first_of("$%", at), text.size());
    out += text.substr(at, mark - at);
    at = mark;
    if (at == text.size()) break;
    if (text.substr(at, 2) == "$$") {
      out += '$';
      at += 2;
      continue;
    }
    const Reference reference = reference_at(text, at);
    if (reference.length == 0) {
      out += text[at++];
      continue;
    }
    const std::optional<std::string> value = lookup(reference.name);
    // A percent sign means itself so often that only known names count.
    const bool keep = !value && (unset == Unset::kKeep || reference.percent);
    if (keep || (value && out.size() + value->size() > kMaxValue)) {
      out += text.substr(at, reference.length);
    } else if (value) {
      out += *value;
    }
    at += reference.length;
  }
  return out;
}

std::vector<VariablePlan> resolve_variables(std::vector<VariablePlan> variables,
                                            const std::string& file_dir) {
  std::stable_sort(variables.begin(), variables.end(),
                   [](const VariablePlan& a, const VariablePlan& b) { return a.level < b.level; });
  std::map<std::string, std::size_t, std::less<>> last;
  for (std::size_t at = 0; at < variables.size(); ++at) last[variables[at].name] = at;
  std::vector<VariablePlan> strongest;
  strongest.reserve(last.size());
  for (std::size_t at = 0; at < variables.size(); ++at)
    if (last[variables[at].name] == at) strongest.push_back(std::move(variables[at]));
  return Resolver(std::move(strongest), file_dir).run();
}

Result<std::vector<VariablePlan>> parse_dotenv(std::string_view text) {
  constexpr std::size_t kMaxBytes = 5 * 1024;
  constexpr std::size_t kMaxNames = 150;
  if (text.size() > kMaxBytes)
    return fail(ErrorCode::kExhausted, "read dotenv report: larger than 5 KiB");
  std::vector<VariablePlan> variables;
  int number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    line = trim(line);
    if (line.empty() || line.front() == '#') continue;
    const auto bad = [&](const std::string& cause) {
      return fail(ErrorCode::kInvalid,
                  "read dotenv report: line " + std::to_string(number) + ": " + cause);
    };
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) return bad("no equals sign");
    const std::string_view name = trim(line.substr(0, equals));
    if (name.empty() || name_at(name, 0) != name)
      return bad("\"" + printable(name) + "\" is no name of a variable");
    std::string_view value = trim(line.substr(equals + 1));
    const bool quoted = value.size() >= 2 && value.front() == value.back() &&
                        (value.front() == '"' || value.front() == '\'');
    if (quoted) value = value.substr(1, value.size() - 2);
    if (variables.size() == kMaxNames) return bad("more than 150 variables");
    VariablePlan variable;
    variable.name = name;
    variable.value = value;
    variable.level = VariableLevel::kDotenv;
    variables.push_back(std::move(variable));
  }
  return variables;
}

}  // namespace slipway::pipeline
