// What the tables cannot say about a deploy: keys that exclude each other.
#include <array>

#include "pipeline/check/check_shape.h"
#include "pipeline/model/read.h"

namespace slipway::pipeline {

namespace {

using yaml::Entry;
using yaml::Node;

struct Exclusive {
  std::string_view within;  // "" for the deploy itself
  std::array<std::string_view, 3> keys;
  bool needs_one;
  std::string_view help;
};
constexpr Exclusive kExclusives[] = {
    {"", {"image", "build", ""}, false, "deploy an image, or build one"},
    {"health", {"http", "tcp", "cmd"}, true, "one of http, tcp and cmd"},
};

struct StrategyKey {
  std::string_view key;
  std::string_view type;
};
constexpr StrategyKey kStrategyKeys[] = {
    {"max", "rolling"}, {"percent", "canary"}, {"hold", "canary"}};

void check_exclusive(const Exclusive& rule, const Entry* parent, const Node& map,
                     std::vector<Diagnostic>& out) {
  const Entry* first = nullptr;
  for (const std::string_view key : rule.keys) {
    const Entry* found = key.empty() ? nullptr : map.find(key);
    if (found == nullptr) continue;
    if (first != nullptr)
      return report(out, found->key_span,
                    quoted(first->key) + " and " + quoted(found->key) + " together",
                    std::string(rule.help), {DiagnosticNote{first->key_span, "the other is here"}});
    first = found;
  }
  if (first == nullptr && rule.needs_one && parent != nullptr)
    report(out, parent->key_span, quoted(parent->key) + " says nothing to check",
           std::string(rule.help));
}

// Blue-green is the default type.
void check_strategy(const Node& strategy, std::vector<Diagnostic>& out) {
  const std::string named = read_string(strategy.get("type"));
  const std::string type = named.empty() ? "blue-green" : named;
  for (const StrategyKey& rule : kStrategyKeys)
    if (const Entry* found = strategy.find(rule.key); found != nullptr && rule.type != type)
      report(out, found->key_span, quoted(rule.key) + " has no meaning for " + type,
             "it belongs to type: " + std::string(rule.type));
}

}  // namespace

void check_deploy(const Node& deploy, std::vector<Diagnostic>& out) {
  for (const Exclusive& rule : kExclusives) {
    const Entry* parent = rule.within.empty() ? nullptr : deploy.find(rule.within);
    const Node* map = rule.within.empty() ? &deploy : deploy.get(rule.within);
    if (map != nullptr && map->is_map()) check_exclusive(rule, parent, *map, out);
  }
  if (const Node* strategy = deploy.get("strategy"); strategy != nullptr && strategy->is_map())
    check_strategy(*strategy, out);
}

}  // namespace slipway::pipeline
