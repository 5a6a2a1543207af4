// `runner preview`: the plan as YAML or JSON, each value with its origin.
#include "pipeline/compile.h"
#include "pipeline/graph/preview_tree.h"

namespace slipway::pipeline {
namespace {

Json value_json(const PreviewNode& node) {
  if (node.kind == PreviewNode::Kind::kScalar) return node.scalar.to_json();
  if (node.kind == PreviewNode::Kind::kList) {
    Json list = Json::array();
    for (const PreviewNode& item : node.items) list.push(value_json(item));
    return list;
  }
  Json::Object object;
  for (const auto& [key, value] : node.members) object.emplace_back(key, value_json(value));
  return Json(std::move(object));
}

// Spec: RFC 6901, JSON pointer.
std::string pointer_step(std::string_view key) {
  std::string step = "/";
  for (const char c : key) {
    if (c == '~') {
      step += "~0";
    } else if (c == '/') {
      step += "~1";
    } else {
      step += c;
    }
  }
  return step;
}

void collect_origins(const PreviewNode& node, const std::string& pointer, const SourceSet& sources,
                     Json::Object& origins) {
  std::string place = origin_text(node.origin, sources);
  if (!place.empty()) origins.emplace_back(pointer, std::move(place));
  for (const auto& [key, value] : node.members) {
    collect_origins(value, pointer + pointer_step(key), sources, origins);
  }
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    collect_origins(node.items[i], pointer + "/" + std::to_string(i), sources, origins);
  }
}

}  // namespace

std::string preview(const Plan& plan, const SourceSet& sources) {
  return preview_yaml(preview_tree(plan), sources);
}

Json preview_json(const Plan& plan, const SourceSet& sources) {
  const PreviewNode tree = preview_tree(plan);
  Json::Object origins;
  collect_origins(tree, "", sources, origins);
  return Json::object({{"plan", value_json(tree)}, {"origins", Json(std::move(origins))}});
}

}  // namespace slipway::pipeline
