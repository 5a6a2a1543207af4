#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipeline/check/shape.h"
#include "pipeline/compile.h"
#include "pipeline/yaml/node.h"

/// The tree stages of a compilation, in their order: includes, inputs, templates.
namespace slipway::pipeline {

inline constexpr std::size_t kMaxIncludes = 64;  ///< Files; a team's shared parts are a handful.
inline constexpr int kMaxIncludeDepth = 8;       ///< Files including files.
inline constexpr int kMaxExtendsDepth = 16;      ///< Templates on templates.
/// All jobs after templates and matrices, in bytes of the tree: 1,000 copies of a long template stay bounded.
inline constexpr std::size_t kMaxExpandedBytes = std::size_t{16} << 20;

/// Reads every `include:` of `root` (of file 0) and merges it under root. Included files are checked along
/// language::kIncluded; root is not checked here.
void merge_includes(yaml::Node& root, const CompileRequest& request, SourceSet& sources,
                    std::vector<Diagnostic>& out);

/// Declared inputs (`inputs:` of an included file, `on: manual: inputs:`) against what is given.
struct GivenInput {
  Value value;
  Span span;
};
using GivenInputs = std::vector<std::pair<std::string, GivenInput>>;
/// A map of every declared input. Findings: unknown, missing, of the wrong type, not among the options. With
/// `missing`, names without a value are put there instead of being reported.
Value resolve_inputs(const yaml::Node* declared, const GivenInputs& given, Span where,
                     std::vector<Diagnostic>& out, std::vector<std::string>* missing = nullptr);

/// Puts an include's inputs into its tree: `${{ inputs.x }}` as a whole value becomes the value with its type; inside
/// larger expressions and scripts it becomes a literal, so that it stays data for the shell.
void substitute_inputs(yaml::Node& root, const Value& inputs, std::vector<Diagnostic>& out);

/// Replaces each job by its templates with the job on top. Templates stay in the tree, to be checked on their own.
void resolve_extends(yaml::Node& jobs, std::vector<Diagnostic>& out);

}  // namespace slipway::pipeline
