// The functions of --format templates, and Go's way of printing values.
#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>

#include "base/text.h"
#include "runner/cli/template_node.h"

namespace slipway::runner {
namespace {

using Arguments = std::vector<Json>;

std::string joined(const Arguments& arguments, std::string_view separator) {
  std::string out;
  for (const Json& argument : arguments) {
    if (!out.empty()) out += separator;
    out += template_text(argument);
  }
  return out;
}

Result<Json> call_json(const Arguments& a) { return Json(a[0].dump()); }
Result<Json> call_lower(const Arguments& a) { return Json(to_lower(template_text(a[0]))); }
Result<Json> call_print(const Arguments& a) { return Json(joined(a, "")); }
Result<Json> call_println(const Arguments& a) { return Json(joined(a, " ") + "\n"); }
// Go: true when the first is equal to any of the others.
Result<Json> call_eq(const Arguments& a) {
  return Json(std::find(a.begin() + 1, a.end(), a[0]) != a.end());
}
Result<Json> call_ne(const Arguments& a) { return Json(!(a[0] == a[1])); }
Result<Json> call_not(const Arguments& a) { return Json(!template_truth(a[0])); }

Result<Json> call_upper(const Arguments& a) {
  std::string text = template_text(a[0]);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return Json(std::move(text));
}

Result<Json> call_title(const Arguments& a) {
  std::string text = template_text(a[0]);
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 32);
  return Json(std::move(text));
}

Result<Json> call_and(const Arguments& a) {
  const auto found =
      std::find_if(a.begin(), a.end(), [](const Json& value) { return !template_truth(value); });
  return found == a.end() ? a.back() : *found;
}

Result<Json> call_or(const Arguments& a) {
  const auto found =
      std::find_if(a.begin(), a.end(), [](const Json& value) { return template_truth(value); });
  return found == a.end() ? a.back() : *found;
}

Result<Json> call_join(const Arguments& a) {
  if (a[0].is_null()) return Json("");
  if (!a[0].is_array()) return fail(ErrorCode::kInvalid, "evaluate template: join wants a list");
  std::vector<std::string> parts;
  for (const Json& item : a[0].items()) parts.push_back(template_text(item));
  return Json(join(parts, template_text(a[1])));
}

Result<Json> call_split(const Arguments& a) {
  Json list = Json::array();
  const std::string text = template_text(a[0]);
  const std::string separator = template_text(a[1]);
  if (separator.empty())
    return fail(ErrorCode::kInvalid, "evaluate template: split wants a separator");
  std::size_t at = 0;
  for (std::size_t end; (end = text.find(separator, at)) != std::string::npos;
       at = end + separator.size()) {
    list.push(text.substr(at, end - at));
  }
  list.push(text.substr(at));
  return list;
}

Result<Json> call_len(const Arguments& a) {
  if (a[0].is_string()) return Json(static_cast<std::int64_t>(a[0].string_or("").size()));
  return Json(static_cast<std::int64_t>(a[0].items().size() + a[0].members().size()));
}

Result<Json> call_index(const Arguments& a) {
  Json value = a[0];
  for (auto key = a.begin() + 1; key != a.end(); ++key) {
    if (key->is_string()) {
      value = Json(value[key->string_or("")]);
      continue;
    }
    const std::int64_t at = key->int_or(-1);
    if (at < 0 || at >= static_cast<std::int64_t>(value.items().size())) {
      return fail(ErrorCode::kInvalid,
                  "evaluate template: index " + std::to_string(at) + " is out of range");
    }
    value = Json(value.items()[static_cast<std::size_t>(at)]);
  }
  return value;
}

Result<int> compare(const Arguments& a) {
  if (a[0].is_number() && a[1].is_number()) {
    const double left = a[0].double_or(0);
    const double right = a[1].double_or(0);
    return left < right ? -1 : left > right ? 1 : 0;
  }
  if (a[0].is_string() && a[1].is_string()) return a[0].string_or("").compare(a[1].string_or(""));
  return fail(ErrorCode::kInvalid, "evaluate template: only numbers and texts have an order");
}
Result<Json> call_lt(const Arguments& a) { return Json(SLIP_TRY(compare(a)) < 0); }
Result<Json> call_le(const Arguments& a) { return Json(SLIP_TRY(compare(a)) <= 0); }
Result<Json> call_gt(const Arguments& a) { return Json(SLIP_TRY(compare(a)) > 0); }
Result<Json> call_ge(const Arguments& a) { return Json(SLIP_TRY(compare(a)) >= 0); }

// Docker: spaces before and after, none around nothing.
Result<Json> call_pad(const Arguments& a) {
  static constexpr std::int64_t kWidest = 1000;
  const std::string text = template_text(a[0]);
  if (text.empty()) return Json(text);
  const auto spaces = [](const Json& count) {
    return std::string(
        static_cast<std::size_t>(std::clamp<std::int64_t>(count.int_or(0), 0, kWidest)), ' ');
  };
  return Json(spaces(a[1]) + text + spaces(a[2]));
}

Result<Json> call_truncate(const Arguments& a) {
  const std::string text = template_text(a[0]);
  const std::int64_t most = a[1].int_or(-1);
  if (most < 0) return fail(ErrorCode::kInvalid, "evaluate template: truncate wants a length");
  return Json(text.substr(0, static_cast<std::size_t>(most)));
}

// Go: slice x 1 2 is x[1:2].
Result<Json> call_slice(const Arguments& a) {
  const bool is_text = a[0].is_string();
  const auto size =
      static_cast<std::int64_t>(is_text ? a[0].string_or("").size() : a[0].items().size());
  const std::int64_t from = a.size() > 1 ? a[1].int_or(-1) : 0;
  const std::int64_t to = a.size() > 2 ? a[2].int_or(-1) : size;
  if (from < 0 || to > size || from > to)
    return fail(ErrorCode::kInvalid, "evaluate template: slice is out of range");
  if (is_text)
    return Json(std::string(a[0].string_or("").substr(static_cast<std::size_t>(from),
                                                      static_cast<std::size_t>(to - from))));
  Json part = Json::array();
  for (std::int64_t i = from; i < to; ++i) part.push(a[0].items()[static_cast<std::size_t>(i)]);
  return part;
}

/// What stands between % and the verb.
struct Width {
  bool left = false;
  bool zeros = false;
  std::size_t width = 0;
  std::optional<std::size_t> precision;
};

Result<std::string> format_one(char verb, const Width& how, const Json& value) {
  std::string text;
  if (verb == 'd' || verb == 'x') {
    if (!value.is_number()) return "%!" + std::string(1, verb) + "(" + template_text(value) + ")";
    char digits[32];
    std::snprintf(digits, sizeof digits, verb == 'd' ? "%lld" : "%llx",
                  static_cast<long long>(value.int_or(0)));
    text = digits;
  } else if (verb == 'f') {
    char digits[64];
    std::snprintf(digits, sizeof digits, "%.*f", static_cast<int>(how.precision.value_or(6)),
                  std::clamp(value.double_or(0), -1e15, 1e15));
    text = digits;
  } else if (verb == 'q') {
    text = Json(template_text(value)).dump();
  } else if (verb == 's' || verb == 'v' || verb == 't') {
    text = template_text(value);
    if (verb == 's' && how.precision) text = text.substr(0, *how.precision);
  } else {
    return fail(ErrorCode::kInvalid, "evaluate template: printf knows %s %v %q %d %x %f %t, not %" +
                                         printable(std::string(1, verb)));
  }
  if (text.size() < how.width) {
    const bool zeros = how.zeros && !how.left && value.is_number();
    const std::string fill(how.width - text.size(), zeros ? '0' : ' ');
    text = how.left ? text + fill : fill + text;
  }
  return text;
}

std::size_t read_number(std::string_view text, std::size_t& at, std::size_t most) {
  std::size_t value = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
    value = std::min(most, value * 10 + static_cast<std::size_t>(text[at] - '0'));
  return value;
}

// Spec: Go's package fmt; what it says of too few or too many arguments is kept.
Result<Json> call_printf(const Arguments& a) {
  constexpr std::size_t kWidest = 1000, kMostDigits = 30;
  const std::string format = template_text(a[0]);
  std::string out;
  std::size_t next = 1;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      out += format[i];
      continue;
    }
    Width how;
    for (++i; i < format.size() && (format[i] == '-' || format[i] == '0' || format[i] == '+');
         ++i) {
      how.left = how.left || format[i] == '-';
      how.zeros = how.zeros || format[i] == '0';
    }
    how.width = read_number(format, i, kWidest);
    if (i < format.size() && format[i] == '.')
      how.precision = read_number(format, ++i, kMostDigits);
    if (i >= format.size()) return fail(ErrorCode::kInvalid, "evaluate template: printf ends in %");
    if (format[i] == '%')
      out += '%';
    else if (next >= a.size())
      out += "%!" + std::string(1, format[i]) + "(MISSING)";
    else
      out += SLIP_TRY(format_one(format[i], how, a[next++]));
  }
  for (; next < a.size(); ++next) out += "%!(EXTRA " + template_text(a[next]) + ")";
  return Json(std::move(out));
}

struct Function {
  std::string_view name;
  std::size_t least;
  std::size_t most;
  Result<Json> (*call)(const Arguments&);
};
constexpr std::size_t kMany = 64;
constexpr std::array<Function, 23> kFunctions{{{"json", 1, 1, call_json},
                                               {"join", 2, 2, call_join},
                                               {"lower", 1, 1, call_lower},
                                               {"upper", 1, 1, call_upper},
                                               {"title", 1, 1, call_title},
                                               {"split", 2, 2, call_split},
                                               {"len", 1, 1, call_len},
                                               {"index", 2, kMany, call_index},
                                               {"print", 0, kMany, call_print},
                                               {"println", 0, kMany, call_println},
                                               {"printf", 1, kMany, call_printf},
                                               {"pad", 3, 3, call_pad},
                                               {"truncate", 2, 2, call_truncate},
                                               {"slice", 1, 3, call_slice},
                                               {"lt", 2, 2, call_lt},
                                               {"le", 2, 2, call_le},
                                               {"gt", 2, 2, call_gt},
                                               {"ge", 2, 2, call_ge},
                                               {"eq", 2, kMany, call_eq},
                                               {"ne", 2, 2, call_ne},
                                               {"not", 1, 1, call_not},
                                               {"and", 1, kMany, call_and},
                                               {"or", 1, kMany, call_or}}};

const Function* find_function(std::string_view name) {
  const auto* found = std::find_if(kFunctions.begin(), kFunctions.end(),
                                   [&](const Function& f) { return f.name == name; });
  return found == kFunctions.end() ? nullptr : found;
}

}  // namespace

bool is_template_function(std::string_view name) { return find_function(name) != nullptr; }

Result<Json> call_template_function(const std::string& name, const std::vector<Json>& arguments) {
  const Function* function = find_function(name);
  if (function == nullptr || arguments.size() < function->least ||
      arguments.size() > function->most) {
    return fail(ErrorCode::kInvalid, "evaluate template: wrong number of arguments for " + name);
  }
  return function->call(arguments);
}

std::string template_text(const Json& value) {
  if (value.is_null()) return "<no value>";
  if (value.is_string()) return std::string(value.string_or(""));
  if (!value.is_array() && !value.is_object()) return value.dump();
  std::string out = value.is_array() ? "[" : "map[";
  for (const Json& item : value.items())
    out += (out.back() == '[' ? "" : " ") + template_text(item);
  for (const auto& [key, item] : value.members())
    out += (out.back() == '[' ? "" : " ") + key + ":" + template_text(item);
  return out + "]";
}

bool template_truth(const Json& value) {
  if (value.is_bool()) return value.bool_or(false);
  if (value.is_number()) return value.double_or(0) != 0;
  if (value.is_string()) return !value.string_or("").empty();
  return !value.items().empty() || !value.members().empty();
}

}  // namespace slipway::runner
