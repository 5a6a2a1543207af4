// Expression: parsing entry and questions about a parsed tree.
#include "pipeline/expression.h"

#include <algorithm>

#include "base/text.h"
#include "pipeline/expand/functions.h"
#include "pipeline/expand/scan.h"

namespace slipway::pipeline {
namespace {

using Node = Expression::Node;

template <typename F>
void visit(const Node& node, const F& f) {
  f(node);
  for (const Node& child : node.children) visit(child, f);
}

// The name taken directly below `root` by this node, if it is such a node and the name is written out.
const std::string* name_below(const Node& node, std::string_view root) {
  const bool path = node.kind == NodeKind::kMember || node.kind == NodeKind::kIndex;
  if (!path || node.children[0].kind != NodeKind::kRoot || node.children[0].name != root)
    return nullptr;
  return node.kind == NodeKind::kMember ? &node.name : node.children[1].literal.string();
}

void strip_space(std::string_view text, std::size_t& begin, std::size_t& end) {
  const std::string_view inner = trim(text.substr(begin, end - begin));
  if (!inner.empty()) begin = static_cast<std::size_t>(inner.data() - text.data());
  end = begin + inner.size();
}

}  // namespace

std::optional<Expression> ExpressionBuilder::build(std::string_view text, std::size_t begin,
                                                   std::size_t end, const TextOrigin& origin,
                                                   ExpressionPlace place,
                                                   std::vector<Diagnostic>& out) {
  strip_space(text, begin, end);
  std::optional<Node> root = parse_expression(text, begin, end, origin, place, out);
  if (!root) return std::nullopt;
  Expression result;
  result.root_ = std::make_shared<const Node>(std::move(*root));
  result.text_ = text.substr(begin, end - begin);
  result.span_ = origin.at(begin, end);
  return result;
}

std::optional<Expression> Expression::parse(std::string_view text, Span span, ExpressionPlace place,
                                            std::vector<Diagnostic>& out) {
  const TextOrigin origin(text, span);
  std::size_t begin = 0;
  std::size_t end = text.size();
  strip_space(text, begin, end);
  // `if: ${{ … }}` is the same as `if: …`; a mark cannot begin any other expression.
  if (place == ExpressionPlace::kCondition && text.substr(begin).starts_with(kOpenMark)) {
    const std::optional<MarkedPart> part = marked_part(text, begin);
    if (part && part->next == end) {
      begin = part->begin;
      end = part->end;
    }
  }
  return ExpressionBuilder::build(text, begin, end, origin, place, out);
}

std::vector<std::string> Expression::references(std::string_view root) const {
  std::vector<std::string> names;
  visit(*root_, [&](const Node& node) {
    const std::string* name = name_below(node, root);
    if (name != nullptr && std::find(names.begin(), names.end(), *name) == names.end()) {
      names.push_back(*name);
    }
  });
  return names;
}

bool Expression::asks_status() const {
  bool asks = false;
  visit(*root_, [&](const Node& node) {
    asks = asks || (node.kind == NodeKind::kCall && node.function->asks == Asks::kStatus);
  });
  return asks;
}

bool Expression::uses_root(std::string_view root) const {
  bool uses = false;
  visit(*root_, [&](const Node& node) {
    uses = uses || (node.kind == NodeKind::kRoot && node.name == root);
  });
  return uses;
}

}  // namespace slipway::pipeline
