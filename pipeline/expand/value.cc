// Values of the expression language: truth, text form, JSON.
#include "pipeline/value.h"

#include <array>
#include <charconv>
#include <cmath>

namespace slipway::pipeline {
namespace {

// Whole numbers up to here are exact in a double and are written without an exponent.
constexpr double kMaxPlainInteger = 9007199254740992.0;  // 2^53

bool is_plain_integer(double number) {
  return std::abs(number) <= kMaxPlainInteger && std::trunc(number) == number;
}

std::string number_text(double number) {
  std::array<char, 32> buffer;
  const std::to_chars_result end =
      is_plain_integer(number)
          ? std::to_chars(buffer.begin(), buffer.end(), static_cast<std::int64_t>(number))
          : std::to_chars(buffer.begin(), buffer.end(), number);
  return std::string(buffer.begin(), end.ptr);
}

Json number_json(double number) {
  if (is_plain_integer(number)) return Json(static_cast<std::int64_t>(number));
  return std::isfinite(number) ? Json(number) : Json();
}

}  // namespace

std::string_view Value::type_name() const {
  // In the order of the variant's alternatives.
  static constexpr std::array<std::string_view, 6> kNames{"null",   "bool", "number",
                                                          "string", "list", "map"};
  return kNames[value_.index()];
}

bool Value::truthy() const {
  if (const bool* flag = boolean()) return *flag;
  if (const double* value = number()) return *value != 0 && !std::isnan(*value);
  if (const std::string* text = string()) return !text->empty();
  if (const List* items = list()) return !items->empty();
  if (const Map* members = map()) return !members->empty();
  return false;
}

std::string Value::to_text() const {
  if (const std::string* text = string()) return *text;
  if (const bool* flag = boolean()) return *flag ? "true" : "false";
  if (const double* value = number()) return number_text(*value);
  return is_null() ? std::string() : to_json().dump();
}

const Value* Value::find(std::string_view key) const {
  const Map* members = map();
  if (members == nullptr) return nullptr;
  for (const auto& [name, value] : *members) {
    if (name == key) return &value;
  }
  return nullptr;
}

Value& Value::set(std::string key, Value value) {
  if (is_null()) value_ = Map();
  Map* members = map();
  if (members == nullptr) std::abort();  // the caller set a member of a scalar or list
  for (auto& [name, old] : *members) {
    if (name == key) {
      old = std::move(value);
      return old;
    }
  }
  members->emplace_back(std::move(key), std::move(value));
  return members->back().second;
}

Json Value::to_json() const {
  if (const std::string* text = string()) return Json(*text);
  if (const bool* flag = boolean()) return Json(*flag);
  if (const double* value = number()) return number_json(*value);
  if (const List* items = list()) {
    Json::Array array;
    array.reserve(items->size());
    for (const Value& item : *items) array.push_back(item.to_json());
    return Json(std::move(array));
  }
  if (const Map* members = map()) {
    Json::Object object;
    object.reserve(members->size());
    for (const auto& [name, value] : *members) object.emplace_back(name, value.to_json());
    return Json(std::move(object));
  }
  return Json();
}

Value Value::from_json(const Json& json) {
  if (json.is_bool()) return Value(json.bool_or(false));
  if (json.is_number()) return Value(json.double_or(0));
  if (json.is_string()) return Value(json.string_or(""));
  if (json.is_array()) {
    List items;
    items.reserve(json.items().size());
    for (const Json& item : json.items()) items.push_back(from_json(item));
    return Value(std::move(items));
  }
  if (json.is_object()) {
    Map members;
    members.reserve(json.members().size());
    for (const auto& [name, value] : json.members()) members.emplace_back(name, from_json(value));
    return Value(std::move(members));
  }
  return Value();
}

}  // namespace slipway::pipeline
