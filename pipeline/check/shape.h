#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "pipeline/yaml/node.h"

namespace slipway::pipeline {

/// The language as data. language_*.cc holds one table per map of the file; check_shape.cc walks a tree along them,
/// json_schema.cc prints them for editors. A new key is a new row.

/// What is wrong with a scalar. Empty message: the general "expects …, found …".
struct ScalarProblem {
  std::string message;
  std::string help;
};

/// A kind of scalar: how it is called, when it is right, how JSON Schema says it.
struct ScalarRule {
  std::string_view expects;  ///< "a duration such as 90s or 1h30m"
  std::optional<ScalarProblem> (*accept)(const yaml::Node& node, const ScalarRule& rule);
  std::string_view schema;                       ///< A JSON Schema, as JSON text.
  std::span<const std::string_view> words = {};  ///< The only texts allowed, when not empty.
};

struct Shape;
using OneOf = std::span<const Shape>;  ///< Alternatives; the node's kind picks one.

enum class Required : std::uint8_t { kNo, kYes };
/// Whether keys starting with "x-" are free.
enum class Extensions : std::uint8_t { kFree, kUnknown };

struct KeyRule {
  std::string_view key;
  OneOf shapes;
  std::string_view text;  ///< One line for editors and docs.
  Required required = Required::kNo;
};

struct MapRule {
  std::string_view name;  ///< "job": as in `"image" belongs to a job`.
  std::span<const KeyRule> keys;
  OneOf rest = {};                       ///< What all other keys hold; empty: there are no others.
  const ScalarRule* rest_key = nullptr;  ///< How those other keys are named.
  Extensions extensions = Extensions::kFree;
};

struct Shape {
  enum class Kind : std::uint8_t { kScalar, kList, kMap, kNothing, kAny } kind = Kind::kAny;
  const ScalarRule* scalar = nullptr;
  const MapRule* map = nullptr;
  OneOf items = {};  ///< Of a list.
};

constexpr Shape scalar(const ScalarRule& rule) {
  return {Shape::Kind::kScalar, &rule, nullptr, {}};
}
constexpr Shape map_of(const MapRule& rule) { return {Shape::Kind::kMap, nullptr, &rule, {}}; }
constexpr Shape list_of(OneOf items) { return {Shape::Kind::kList, nullptr, nullptr, items}; }
inline constexpr Shape kNothing{
    Shape::Kind::kNothing, nullptr, nullptr, {}};  ///< A key without a value.

}  // namespace slipway::pipeline
