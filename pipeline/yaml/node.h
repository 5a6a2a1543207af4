#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/source.h"
#include "pipeline/value.h"

namespace slipway::pipeline::yaml {

enum class Kind { kNull, kScalar, kList, kMap };
enum class Style { kPlain, kQuoted, kBlock };

struct Entry;

/// Our own YAML tree. Aliases and merge keys are already resolved, so it is a tree and nothing else; every node
/// still says where in which file its text stands, also after includes and templates were merged.
struct Node {
  Kind kind = Kind::kNull;
  Style style = Style::kPlain;
  bool reference = false;  ///< A list tagged `!reference`, where the reading allows it.
  std::string text;        ///< Of a scalar.
  Span span;               ///< Scalars: their first line. Lists and maps: their first character.
  Span content;  ///< Of a scalar: its first byte, behind the quote or in the block's first line.
  std::vector<Node> items;
  std::vector<Entry> entries;

  bool is_null() const { return kind == Kind::kNull; }
  bool is_scalar() const { return kind == Kind::kScalar; }
  bool is_list() const { return kind == Kind::kList; }
  bool is_map() const { return kind == Kind::kMap; }
  /// Entry of a map, or nullptr (also when this is no map).
  const Entry* find(std::string_view key) const;
  Entry* find(std::string_view key);
  /// Value of a map's key; nullptr when absent or null.
  const Node* get(std::string_view key) const;
};

struct Entry {
  std::string key;
  Span key_span;
  Node value;
};

/// "a list", "nothing", "a map", "a number", "a bool", "a string": what people would call it.
std::string_view describe(const Node& node);

/// YAML 1.2 core: true/True/TRUE and so on of a plain scalar; `yes`, `on` and quoted text are no bools.
std::optional<bool> as_bool(const Node& node);
/// A plain decimal number; `0755`, `0x1F` and `1_000` stay strings, so that no digit is lost.
std::optional<double> as_number(const Node& node);
Value to_value(const Node& node);

/// Bytes this tree takes, roughly; what copies of it are charged with.
std::size_t weight(const Node& node);

/// `over` on top of `under`: maps merge deeply, everything else replaces.
void merge_under(Node& over, const Node& under);

}  // namespace slipway::pipeline::yaml
