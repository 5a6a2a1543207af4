#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace slipway {

/// A JSON document as a plain value. Objects keep the order of their members; a duplicate key in parsed
/// text is an error. Integers outside int64 become doubles.
class Json {
 public:
  using Array = std::vector<Json>;
  using Member = std::pair<std::string, Json>;
  using Object = std::vector<Member>;

  Json() = default;  ///< null
  Json(std::nullptr_t) {}
  Json(bool value) : value_(value) {}
  Json(std::int64_t value) : value_(value) {}
  Json(int value) : value_(static_cast<std::int64_t>(value)) {}
  Json(unsigned value) : value_(static_cast<std::int64_t>(value)) {}
  Json(std::uint64_t value) : value_(static_cast<std::int64_t>(value)) {}
  Json(double value) : value_(value) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(std::string_view value) : value_(std::string(value)) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(Array value) : value_(std::move(value)) {}
  Json(Object value) : value_(std::move(value)) {}
  /// Json::object({{"a", 1}, {"b", "x"}})
  static Json object(std::initializer_list<Member> members = {}) { return Json(Object(members)); }
  static Json array(std::initializer_list<Json> items = {}) { return Json(Array(items)); }

  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }
  bool is_bool() const { return std::holds_alternative<bool>(value_); }
  bool is_int() const { return std::holds_alternative<std::int64_t>(value_); }
  bool is_number() const { return is_int() || std::holds_alternative<double>(value_); }
  bool is_string() const { return std::holds_alternative<std::string>(value_); }
  bool is_array() const { return std::holds_alternative<Array>(value_); }
  bool is_object() const { return std::holds_alternative<Object>(value_); }

  /// Checked reads with a fallback: what comes from outside may have any shape.
  bool bool_or(bool fallback) const;
  std::int64_t int_or(std::int64_t fallback) const;
  double double_or(double fallback) const;
  std::string_view string_or(std::string_view fallback) const;
  /// Empty containers when the kind differs.
  const Array& items() const;
  const Object& members() const;

  /// Member of an object, or nullptr (also when this is no object).
  const Json* find(std::string_view key) const;
  /// Member of an object, or a null value.
  const Json& operator[](std::string_view key) const;
  /// Sets (or replaces) a member; this becomes an object if it is null.
  Json& set(std::string key, Json value);
  /// Appends; this becomes an array if it is null.
  Json& push(Json value);

  bool operator==(const Json&) const = default;

  /// Compact text; control characters, U+2028/9 and DEL escaped; invalid UTF-8 replaced by U+FFFD.
  std::string dump() const;
  /// Two-space indented text ending in a newline.
  std::string pretty() const;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, Array, Object> value_;
};

struct JsonLimits {
  std::size_t max_bytes = std::size_t{16} << 20;
  std::size_t max_depth = 64;
};
/// Strict RFC 8259. The error names line and column: `parse json: 3:14: expected ','`.
Result<Json> parse_json(std::string_view text, const JsonLimits& limits = {});

}  // namespace slipway
