#pragma once

#include <string>
#include <vector>

#include "pipeline/compile.h"

namespace slipway::pipeline {

struct PreviewMember;

/// The plan as a tree of plain values that remember where they come from.
struct PreviewNode {
  enum class Kind { kScalar, kMap, kList };
  Kind kind = Kind::kScalar;
  Value scalar;
  std::vector<PreviewMember> members;
  std::vector<PreviewNode> items;
  Span origin;  ///< Invalid: that of what it stands in.

  static PreviewNode map(Span where = {});
  static PreviewNode list(const std::vector<std::string>& items, Span where = {});
  static PreviewNode of(Value value, Span where = {});
  PreviewNode& add(std::string key, PreviewNode node);  ///< An empty map or list is left out.
  PreviewNode& add_text(std::string key, const std::string& text,
                        Span origin = {});  ///< Left out when empty.
  bool empty_container() const;
};

struct PreviewMember {
  std::string key;
  PreviewNode value;
};

PreviewNode preview_tree(const Plan& plan);
std::string preview_yaml(const PreviewNode& tree, const SourceSet& sources);
/// "ci.yml:14", or empty.
std::string origin_text(const Span& span, const SourceSet& sources);

}  // namespace slipway::pipeline
