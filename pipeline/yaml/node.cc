// The YAML tree: lookups, scalar types of the 1.2 core schema, deep merge. Parsing is in parse.cc.
#include "pipeline/yaml/node.h"

#include <cstdlib>
#include <unordered_map>

namespace slipway::pipeline::yaml {

const Entry* Node::find(std::string_view key) const {
  for (const Entry& entry : entries)
    if (entry.key == key) return &entry;
  return nullptr;
}

Entry* Node::find(std::string_view key) {
  for (Entry& entry : entries)
    if (entry.key == key) return &entry;
  return nullptr;
}

const Node* Node::get(std::string_view key) const {
  const Entry* entry = find(key);
  return entry == nullptr || entry->value.is_null() ? nullptr : &entry->value;
}

std::optional<bool> as_bool(const Node& node) {
  if (!node.is_scalar() || node.style != Style::kPlain) return std::nullopt;
  const std::string& text = node.text;
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  return std::nullopt;
}

namespace {

// [-+]? (0 | [1-9][0-9]*) (\.[0-9]+)? ([eE][-+]?[0-9]+)?
bool looks_like_number(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t start = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - start;
  };
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  const bool zero = at < text.size() && text[at] == '0';
  const std::size_t whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

}  // namespace

std::optional<double> as_number(const Node& node) {
  // 64: no number anyone means is longer, and strtod need not read a megabyte of digits.
  if (!node.is_scalar() || node.style != Style::kPlain || node.text.size() > 64)
    return std::nullopt;
  if (!looks_like_number(node.text)) return std::nullopt;
  return std::strtod(node.text.c_str(), nullptr);
}

std::string_view describe(const Node& node) {
  switch (node.kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a map";
    case Kind::kScalar:
      break;
  }
  if (as_bool(node)) return "a bool";
  return as_number(node) ? "a number" : "a string";
}

Value to_value(const Node& node) {
  switch (node.kind) {
    case Kind::kNull:
      return {};
    case Kind::kScalar: {
      if (const auto flag = as_bool(node)) return Value(*flag);
      if (const auto number = as_number(node)) return Value(*number);
      return Value(node.text);
    }
    case Kind::kList: {
      Value::List list;
      list.reserve(node.items.size());
      for (const Node& item : node.items) list.push_back(to_value(item));
      return Value(std::move(list));
    }
    case Kind::kMap: {
      Value::Map map;
      map.reserve(node.entries.size());
      for (const Entry& entry : node.entries) map.emplace_back(entry.key, to_value(entry.value));
      return Value(std::move(map));
    }
  }
  return {};
}

std::size_t weight(const Node& node) {
  std::size_t sum = sizeof(Node) + node.text.size();
  for (const Node& item : node.items) sum += weight(item);
  for (const Entry& entry : node.entries) sum += entry.key.size() + weight(entry.value);
  return sum;
}

void merge_under(Node& over, const Node& under) {
  if (!over.is_map() || !under.is_map()) return;
  // An index instead of find(): two maps of ten thousand keys are a hundred million comparisons.
  std::unordered_map<std::string_view, std::size_t> index;
  for (std::size_t at = 0; at < over.entries.size(); ++at) index.emplace(over.entries[at].key, at);
  std::vector<bool> taken(over.entries.size());
  std::vector<Entry> merged;
  merged.reserve(under.entries.size() + over.entries.size());
  // The template's order first: a job reads as its template with changes, and previews stay stable.
  for (const Entry& below : under.entries) {
    const auto found = index.find(below.key);
    if (found == index.end()) {
      merged.push_back(below);
      continue;
    }
    Entry& above = over.entries[found->second];
    merge_under(above.value, below.value);
    merged.push_back({above.key, above.key_span, std::move(above.value)});
    taken[found->second] = true;
  }
  for (std::size_t at = 0; at < over.entries.size(); ++at)
    if (!taken[at]) merged.push_back(std::move(over.entries[at]));
  over.entries = std::move(merged);
}

}  // namespace slipway::pipeline::yaml
