#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"

namespace slipway::pipeline {

/// A value of the expression language: null, bool, number (double), string, list, map (ordered).
class Value {
 public:
  using List = std::vector<Value>;
  using Map = std::vector<std::pair<std::string, Value>>;

  Value() = default;
  Value(bool value) : value_(value) {}
  Value(double value) : value_(value) {}
  Value(int value) : value_(static_cast<double>(value)) {}
  Value(const char* value) : value_(std::string(value)) {}
  Value(std::string value) : value_(std::move(value)) {}
  Value(std::string_view value) : value_(std::string(value)) {}
  Value(List value) : value_(std::move(value)) {}
  Value(Map value) : value_(std::move(value)) {}

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  const bool* boolean() const { return std::get_if<bool>(&value_); }
  const double* number() const { return std::get_if<double>(&value_); }
  const std::string* string() const { return std::get_if<std::string>(&value_); }
  const List* list() const { return std::get_if<List>(&value_); }
  const Map* map() const { return std::get_if<Map>(&value_); }
  List* list() { return std::get_if<List>(&value_); }
  Map* map() { return std::get_if<Map>(&value_); }

  /// "null", "bool", "number", "string", "list", "map".
  std::string_view type_name() const;
  /// null, false, 0, "" and empty containers are false.
  bool truthy() const;
  /// Text for templates: strings as they are, numbers in shortest form, null empty, containers as JSON.
  std::string to_text() const;
  /// Member of a map or nullptr.
  const Value* find(std::string_view key) const;
  /// Sets a member; this becomes a map if it is null.
  Value& set(std::string key, Value value);

  Json to_json() const;
  static Value from_json(const Json& json);
  bool operator==(const Value&) const = default;

 private:
  std::variant<std::monostate, bool, double, std::string, List, Map> value_;
};

}  // namespace slipway::pipeline
