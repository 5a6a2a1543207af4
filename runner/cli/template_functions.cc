// The functions of --format templates, and Go's way of printing values.
#include <algorithm>
#include <array>

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
Result<Json> call_eq(const Arguments& a) { return Json(a[0] == a[1]); }
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

struct Function {
  std::string_view name;
  std::size_t least;
  std::size_t most;
  Result<Json> (*call)(const Arguments&);
};
constexpr std::size_t kMany = 64;
constexpr std::array<Function, 15> kFunctions{{{"json", 1, 1, call_json},
                                               {"join", 2, 2, call_join},
                                               {"lower", 1, 1, call_lower},
                                               {"upper", 1, 1, call_upper},
                                               {"title", 1, 1, call_title},
                                               {"split", 2, 2, call_split},
                                               {"len", 1, 1, call_len},
                                               {"index", 2, kMany, call_index},
                                               {"print", 0, kMany, call_print},
                                               {"println", 0, kMany, call_println},
                                               {"eq", 2, 2, call_eq},
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
