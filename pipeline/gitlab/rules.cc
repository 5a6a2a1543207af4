// Decisions made when a pipeline is created: rules, changes, exists, only, except.
// Spec: docs.gitlab.com/ci/yaml, rules, only / except
#include "pipeline/gitlab/rules.h"

#include <algorithm>
#include <array>

#include "base/glob.h"
#include "base/text.h"
#include "pipeline/check/check_shape.h"
#include "pipeline/expand/functions.h"
#include "pipeline/model/read.h"

namespace slipway::pipeline::gitlab {
namespace {

using yaml::Node;

constexpr std::size_t kMaxAlternatives = 256;  // of one pattern's braces
// As GitLab: more comparisons than this, and the rule matches.
constexpr std::size_t kMaxComparisons = 50'000;

void expand_braces(const std::string& pattern, std::vector<std::string>& out) {
  if (out.size() >= kMaxAlternatives) return;
  const std::size_t open = pattern.find('{');
  std::size_t close = open;
  int depth = 0;
  for (; close < pattern.size(); ++close) {
    if (pattern[close] == '{') ++depth;
    if (pattern[close] == '}' && --depth == 0) break;
  }
  if (open == std::string::npos || close >= pattern.size()) {
    out.push_back(pattern);
    return;
  }
  std::size_t begin = open + 1;
  depth = 0;
  for (std::size_t at = begin; at <= close; ++at) {
    if (pattern[at] == '{') ++depth;
    if (pattern[at] == '}' && at != close) --depth;
    const bool cut = at == close || (pattern[at] == ',' && depth == 0);
    if (!cut) continue;
    expand_braces(
        pattern.substr(0, open) + pattern.substr(begin, at - begin) + pattern.substr(close + 1),
        out);
    begin = at + 1;
  }
}

std::string single_stars(const std::string& pattern) {
  std::vector<std::string> parts;
  for (const std::string_view part : split(pattern, '/')) parts.emplace_back(part);
  for (std::size_t at = 0; at < parts.size(); ++at) {
    if (parts[at] == "**" && at + 1 < parts.size()) continue;
    for (std::size_t star = parts[at].find("**"); star != std::string::npos;
         star = parts[at].find("**"))
      parts[at].erase(star, 1);
  }
  return join(parts, "/");
}

bool any_path(const std::vector<std::string>& globs, const std::vector<std::string>& paths) {
  if (globs.size() * paths.size() > kMaxComparisons) return true;
  for (const std::string& text : globs) {
    const Result<Glob> glob = Glob::compile(text);
    if (!glob) continue;
    for (const std::string& path : paths)
      if (glob->matches(path)) return true;
  }
  return false;
}

}  // namespace

std::vector<std::string> plain_globs(const std::string& pattern) {
  std::vector<std::string> alternatives;
  expand_braces(pattern, alternatives);
  for (std::string& alternative : alternatives) alternative = single_stars(alternative);
  return alternatives;
}

RuleBook::RuleBook(const GitlabRequest& request, std::vector<Diagnostic>& out)
    : request_(request), out_(out), source_(pipeline_source(request)) {}

const Node* RuleBook::first_match(const Node& rules, const JobScope& scope) {
  for (const Node& rule : rules.items)
    if (rule.is_map() && matches(rule, scope)) return &rule;
  return nullptr;
}

bool RuleBook::matches(const Node& rule, const JobScope& scope) {
  if (const Node* text = rule.get("if"); text != nullptr && !condition(*text, scope)) return false;
  if (const Node* node = rule.get("changes"); node != nullptr && !changes(*node, scope))
    return false;
  const Node* node = rule.get("exists");
  return node == nullptr || exists(*node, scope);
}

bool RuleBook::condition(const Node& text, const JobScope& scope) {
  if (!text.is_scalar()) return false;
  auto known = conditions_.find(text.text);
  if (known == conditions_.end())
    known = conditions_.emplace(text.text, Condition::parse(text, out_)).first;
  if (!known->second) return false;
  const Result<bool> holds = known->second->holds(scope.raw_lookup());
  if (holds) return *holds;
  warn(out_, text.span, "the condition does not hold: " + printable(holds.error().text()),
       "a variable in it is no regular expression");
  return false;
}

std::vector<std::string> RuleBook::globs(const Node* list, const JobScope& scope) {
  std::vector<std::string> all;
  for (const Node* item : one_or_many(list)) {
    if (!item->is_scalar()) continue;
    const std::string text = expand_variables(item->text, scope.expanded_lookup(), Unset::kKeep);
    for (std::string& glob : plain_globs(text)) all.push_back(std::move(glob));
  }
  return all;
}

bool RuleBook::changes(const Node& node, const JobScope& scope) {
  const std::vector<std::string> wanted = globs(node.is_map() ? node.get("paths") : &node, scope);
  const Node* against = node.get("compare_to");
  if (against != nullptr && request_.changed_since) {
    const std::string ref = expand_variables(against->text, scope.expanded_lookup(), Unset::kKeep);
    const Result<std::vector<std::string>> paths = request_.changed_since(ref);
    if (paths) return any_path(wanted, *paths);
    report(out_, against->span, "cannot compare: " + printable(paths.error().text()));
    return false;
  }
  // Without a push to compare with (a new branch, a schedule) everything counts as changed.
  return !request_.event.changed_known || any_path(wanted, request_.event.changed_paths);
}

bool RuleBook::exists(const Node& node, const JobScope& scope) {
  if (const Node* project = node.get("project")) {
    warn(out_, project->span, "exists: project is not supported: the rule does not match",
         "include the file, or test for one of this repository");
    return false;
  }
  const std::vector<std::string> wanted = globs(node.is_map() ? node.get("paths") : &node, scope);
  if (!request_.exists || wanted.empty()) return false;
  const Result<bool> found = request_.exists(wanted);
  if (found) return *found;
  report(out_, node.span, "cannot look for files: " + printable(found.error().text()));
  return false;
}

bool RuleBook::ref(const Node& pattern) {
  struct SourceRow {
    std::string_view word;
    std::string_view source;
  };
  static constexpr std::array<SourceRow, 10> kWords{
      {{"pushes", "push"},
       {"web", "web"},
       {"schedules", "schedule"},
       {"api", "api"},
       {"triggers", "trigger"},
       {"pipelines", "pipeline"},
       {"merge_requests", "merge_request_event"},
       {"external_pull_requests", "external_pull_request_event"},
       {"chat", "chat"},
       {"external", "external"}}};
  std::string_view text = pattern.text;
  const Event& event = request_.event;
  const bool tag = !event.tag.empty() && (event.name == "tag" || event.branch.empty());
  const bool merge = source_ == "merge_request_event";
  const std::string& name = tag ? event.tag : event.branch;
  const std::size_t at = text.starts_with('/') ? text.find('@', text.rfind('/')) : text.find('@');
  if (at != std::string_view::npos) {
    if (text.substr(at + 1) != request_.project.path) return false;
    text = text.substr(0, at);
  }
  if (text == "tags") return tag;
  if (text == "branches") return !tag && !merge;
  for (const SourceRow& row : kWords)
    if (row.word == text) return row.source == source_;
  if (text == source_) return true;
  if (const std::optional<std::string> regex = regex_of_literal(text)) {
    const Result<bool> found = regex_search(name, *regex);
    if (!found) report(out_, pattern.span, printable(found.error().text()));
    return found && *found;
  }
  return text == name;
}

bool RuleBook::any_ref(const Node& list) {
  return std::any_of(list.items.begin(), list.items.end(),
                     [&](const Node& item) { return ref(item); });
}

bool RuleBook::policy_allows(const Node* only, const Node* except, const JobScope& scope) {
  const auto any_condition = [&](const Node& list) {
    return std::any_of(list.items.begin(), list.items.end(),
                       [&](const Node& item) { return condition(item, scope); });
  };
  const bool map = only != nullptr && only->is_map();
  const Node* refs = map ? only->get("refs") : only;
  if (refs != nullptr) {
    if (!any_ref(*refs)) return false;
  } else if (source_ == "merge_request_event") {
    return false;  // the default is branches and tags
  }
  if (map) {
    if (const Node* list = only->get("variables"); list != nullptr && !any_condition(*list))
      return false;
    if (const Node* list = only->get("changes"); list != nullptr && !changes(*list, scope))
      return false;
  }
  if (except == nullptr) return true;
  if (!except->is_map()) return !any_ref(*except);
  if (const Node* list = except->get("refs"); list != nullptr && any_ref(*list)) return false;
  if (const Node* list = except->get("variables"); list != nullptr && any_condition(*list))
    return false;
  const Node* list = except->get("changes");
  return list == nullptr || !changes(*list, scope);
}

bool include_applies(const Node& rules, const GitlabRequest& request, const VariableLookup& facts,
                     std::vector<Diagnostic>& out) {
  // The facts as variables, so that one book serves includes and jobs: only names in the rules are asked for.
  std::vector<VariablePlan> known;
  for (const Node& rule : rules.items) {
    for (const yaml::Entry& entry : rule.entries) {
      const std::string& text = entry.value.text;
      for (std::size_t at = text.find('$'); at != std::string::npos; at = text.find('$', at + 1)) {
        std::size_t end = at + 1;
        while (end < text.size() &&
               (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_'))
          ++end;
        const std::string name = text.substr(at + 1, end - at - 1);
        if (std::optional<std::string> value = facts(name))
          known.push_back(variable(name, *std::move(value), VariableLevel::kPredefined));
      }
    }
  }
  const SharedScope shared(known);
  const std::vector<VariablePlan> none;
  RuleBook book(request, out);
  const Node* rule = book.first_match(rules, JobScope(shared, none));
  const Node* when = rule == nullptr ? nullptr : rule->get("when");
  return rule != nullptr && (when == nullptr || when->text != "never");
}

}  // namespace slipway::pipeline::gitlab
