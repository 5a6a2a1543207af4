#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "pipeline/gitlab/condition.h"
#include "pipeline/gitlab/scope.h"
#include "pipeline/yaml/node.h"

namespace slipway::pipeline::gitlab {

/// Decides `rules`, `only` and `except` of one pipeline. Conditions are parsed once a text, whoever uses it.
class RuleBook {
 public:
  RuleBook(const GitlabRequest& request, std::vector<Diagnostic>& out);

  /// The first rule that matches; nullptr: none does.
  const yaml::Node* first_match(const yaml::Node& rules, const JobScope& scope);
  /// What `only` and `except` say together; either may be nullptr (only: branches and tags then).
  bool policy_allows(const yaml::Node* only, const yaml::Node* except, const JobScope& scope);

 private:
  bool matches(const yaml::Node& rule, const JobScope& scope);
  bool condition(const yaml::Node& text, const JobScope& scope);
  bool changes(const yaml::Node& node, const JobScope& scope);
  bool exists(const yaml::Node& node, const JobScope& scope);
  bool ref(const yaml::Node& pattern);
  bool any_ref(const yaml::Node& list);
  std::vector<std::string> globs(const yaml::Node* list, const JobScope& scope);

  const GitlabRequest& request_;
  std::vector<Diagnostic>& out_;
  std::string source_;
  std::unordered_map<std::string, std::optional<Condition>> conditions_;
};

/// `include:rules`.
bool include_applies(const yaml::Node& rules, const GitlabRequest& request,
                     const VariableLookup& facts, std::vector<Diagnostic>& out);

/// Alternatives written out: "src/{a,b}/*.c" -> "src/a/*.c", "src/b/*.c"; and `**` crosses directories only as a whole
/// component with more behind it, as Ruby's fnmatch has it.
std::vector<std::string> plain_globs(const std::string& pattern);

}  // namespace slipway::pipeline::gitlab
