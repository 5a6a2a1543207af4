#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipeline/check/shape.h"
#include "pipeline/compile.h"
#include "pipeline/plan.h"
#include "pipeline/yaml/node.h"

namespace slipway::pipeline {

/// Takes typed values out of a tree whose shapes were checked. What has the wrong shape was reported there and is
/// skipped here; only what the tables cannot say (expressions, conflicts, duplicates) is reported by readers.
class Reader {
 public:
  Reader(EvalContext fixed, std::vector<Diagnostic>& out) : fixed_(std::move(fixed)), out_(out) {}

  std::vector<Diagnostic>& out() { return out_; }

  /// Every `needs.x`, `steps.x`, `matrix.x` and `inputs.x` in what was read so far.
  struct Reference {
    std::string_view root;
    std::string name;
    Span span;
  };
  const std::vector<Reference>& references() const { return references_; }

  /// Text with expressions that are evaluated during the run; empty without a node.
  Template text(const yaml::Node* node, ExpressionPlace place);
  /// Text that must be known before the run: expressions see event, inputs and matrix only.
  std::string fixed_text(const yaml::Node* node, std::string_view called);
  std::vector<std::string> fixed_texts(const yaml::Node* node, std::string_view called);
  /// An expression, with or without `${{ }}` around it.
  std::optional<Expression> condition(const yaml::Node* node);
  Script script(const yaml::Node& node);
  EnvLayer env(const yaml::Node* node);
  ImageSpec image(const yaml::Node& node);
  Resources resources(const yaml::Node* node);
  /// The value of a list or scalar axis that is an expression; null and a finding when it fails.
  Value fixed_value(const yaml::Node& node, std::string_view called);

 private:
  std::optional<Template> fixed_template(const yaml::Node& node, std::string_view called);

  void note(const Expression& expression);
  void note(const Template& text);

  EvalContext fixed_;
  std::vector<Diagnostic>& out_;
  std::vector<Reference> references_;
};

// Plain values; the fallback (or nothing) when absent or of the wrong shape.
bool read_bool(const yaml::Node* node, bool fallback);
std::optional<long long> read_int(const yaml::Node* node);
std::optional<Millis> read_duration(const yaml::Node* node);
std::optional<ByteCount> read_size(const yaml::Node* node);
std::string read_string(const yaml::Node* node);
/// A string or a list of strings.
std::vector<std::string> read_strings(const yaml::Node* node);
std::vector<int> read_exit_codes(const yaml::Node* node);
/// A list's items, or the one node that stands for a list of one.
std::vector<const yaml::Node*> one_or_many(const yaml::Node* node);
/// Words of a command: a list as it is, a string split as a shell would, without any expansion.
std::vector<std::string> read_command(const yaml::Node& node);

/// The word's place in a table; `fallback` when absent.
template <typename Enum, std::size_t N>
Enum read_word(const yaml::Node* node, const std::pair<std::string_view, Enum> (&words)[N],
               Enum fallback) {
  if (node == nullptr) return fallback;
  for (const auto& [word, value] : words)
    if (node->text == word) return value;
  return fallback;
}

/// What all jobs of a file have in common.
struct JobSurroundings {
  const Event& event;
  const yaml::Node* defaults = nullptr;
  const yaml::Node* env = nullptr;  ///< The pipeline's own.
  Value inputs;
  std::size_t inputs_weight = 0;  ///< Of `inputs`, which every job carries.
};

/// Reads one instance of a job. `matrix` is its combination (null without one). Needs keep only their names:
/// Need::job is filled in when all jobs are known.
JobPlan read_job(const yaml::Entry& entry, const Value& matrix, const JobSurroundings& around,
                 std::vector<Diagnostic>& out);

// Parts of a job, in files of their own.
/// What expressions name must exist: needs of this job, its steps, axes of its matrix, declared inputs.
void check_references(const Reader& reader, const JobPlan& plan, std::vector<Diagnostic>& out);
void read_steps(const yaml::Entry& job, Reader& reader, JobPlan& plan);
std::vector<Need> read_needs(const yaml::Entry& job, Reader& reader);
std::vector<ServicePlan> read_services(const yaml::Node* node, Reader& reader);
std::vector<CachePlan> read_caches(const yaml::Node* node, Reader& reader);
ArtifactsPlan read_artifacts(const yaml::Node* node);
std::vector<SecretUse> read_secrets(const yaml::Node* node, Reader& reader);

/// Keys of a deploy that exclude each other, or belong to another strategy.
void check_deploy(const yaml::Node& deploy, std::vector<Diagnostic>& out);

/// A map that is kept as a value (build, artifact, deploy): types as the table says, a single item of a list-or-one
/// key as a list, expressions parsed for their errors but kept as text.
Value read_settings(const yaml::Node& node, OneOf shapes, Reader& reader);

}  // namespace slipway::pipeline
