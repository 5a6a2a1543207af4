#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/units.h"

namespace slipway::sandbox::fields {

/// Records as JSON by one list of members for both directions:
///   template <typename Fields, Like<Point> P>
///   void list_members(Fields& fields, P& p) { fields.member("x", p.x); fields.member("y", p.y); }
/// Numbers, texts, vectors, optionals, pairs of texts, ByteCount, Millis, WallTime (nanoseconds) and structs with a
/// list_members() of their own are understood; an enumeration needs `constexpr auto words(E)`: its names in order.
/// Reading keeps the default of a missing member, passes over unknown ones and remembers the first wrong one.

template <typename T, typename S>
concept Like = std::is_same_v<std::remove_const_t<T>, S>;

template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};
template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

class Writer;
template <typename T>
Json encode(const T& value);

class Writer {
 public:
  template <typename T>
  void member(const char* name, const T& value) {
    if constexpr (IsOptional<T>::value) {
      if (value) members_.emplace_back(name, encode(*value));
    } else if constexpr (IsVector<T>::value || std::is_same_v<T, std::string>) {
      if (!value.empty()) members_.emplace_back(name, encode(value));
    } else {
      members_.emplace_back(name, encode(value));
    }
  }
  Json take() { return Json(std::move(members_)); }

 private:
  Json::Object members_;
};

template <typename T>
Json encode(const T& value) {
  if constexpr (std::is_same_v<T, Json>) {
    return value;
  } else if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, std::string>) {
    return Json(value);
  } else if constexpr (std::is_integral_v<T>) {
    return Json(static_cast<std::int64_t>(value));
  } else if constexpr (std::is_floating_point_v<T>) {
    return Json(static_cast<double>(value));
  } else if constexpr (std::is_same_v<T, ByteCount>) {
    return Json(value.value);
  } else if constexpr (std::is_same_v<T, Millis>) {
    return Json(static_cast<std::int64_t>(value.count()));
  } else if constexpr (std::is_same_v<T, WallTime>) {
    return Json(static_cast<std::int64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(value.time_since_epoch()).count()));
  } else if constexpr (std::is_enum_v<T>) {
    return Json(words(value).at(static_cast<std::size_t>(value)));
  } else if constexpr (std::is_same_v<T, std::pair<std::string, std::string>>) {
    return Json::array({value.first, value.second});
  } else if constexpr (IsVector<T>::value) {
    Json::Array items;
    items.reserve(value.size());
    for (const auto& item : value) items.push_back(encode(item));
    return Json(std::move(items));
  } else {
    Writer writer;
    list_members(writer, value);
    return writer.take();
  }
}

/// Where reading is and what was wrong first ("mounts[2].access").
class Reader {
 public:
  Reader(const Json& object, std::string where, std::string& wrong)
      : object_(object), where_(std::move(where)), wrong_(wrong) {
    if (!object.is_object()) complain(where_.empty() ? "(document)" : where_);
  }

  template <typename T>
  void member(const char* name, T& value) {
    if (const Json* json = object_.find(name))
      decode(*json, value, where_.empty() ? name : where_ + "." + name);
  }
  void complain(const std::string& where) {
    if (wrong_.empty()) wrong_ = where;
  }

  template <typename T>
  void decode(const Json& json, T& value, const std::string& where) {
    bool good = true;
    if constexpr (std::is_same_v<T, Json>) {
      value = json;
    } else if constexpr (std::is_same_v<T, bool>) {
      good = json.is_bool();
      value = json.bool_or(value);
    } else if constexpr (std::is_integral_v<T>) {
      good = json.is_int() && std::in_range<T>(json.int_or(0));
      if (good) value = static_cast<T>(json.int_or(0));
    } else if constexpr (std::is_floating_point_v<T>) {
      good = json.is_number();
      value = json.double_or(value);
    } else if constexpr (std::is_same_v<T, std::string>) {
      good = json.is_string();
      value = json.string_or(value);
    } else if constexpr (std::is_same_v<T, ByteCount>) {
      good = json.is_int() && json.int_or(-1) >= 0;
      if (good) value.value = static_cast<std::uint64_t>(json.int_or(0));
    } else if constexpr (std::is_same_v<T, Millis>) {
      good = json.is_int();
      value = Millis(json.int_or(value.count()));
    } else if constexpr (std::is_same_v<T, WallTime>) {
      good = json.is_int();
      value = WallTime(
          std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(json.int_or(0))));
    } else if constexpr (std::is_enum_v<T>) {
      good = decode_word(json, value);
    } else if constexpr (std::is_same_v<T, std::pair<std::string, std::string>>) {
      good = json.items().size() == 2 && json.items()[0].is_string() && json.items()[1].is_string();
      if (good)
        value = {std::string(json.items()[0].string_or("")),
                 std::string(json.items()[1].string_or(""))};
    } else if constexpr (IsOptional<T>::value) {
      decode(json, value.emplace(), where);
    } else if constexpr (IsVector<T>::value) {
      good = json.is_array();
      value.clear();
      for (const Json& item : json.items()) {
        const std::string place = where + "[" + std::to_string(value.size()) + "]";
        decode(item, value.emplace_back(), place);
      }
    } else {
      Reader inner(json, where, wrong_);
      list_members(inner, value);
    }
    if (!good) complain(where);
  }

 private:
  template <typename E>
  static bool decode_word(const Json& json, E& value) {
    const auto names = words(value);
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] != json.string_or("")) continue;
      value = static_cast<E>(i);
      return true;
    }
    return false;
  }

  const Json& object_;
  std::string where_;
  std::string& wrong_;
};

}  // namespace slipway::sandbox::fields
