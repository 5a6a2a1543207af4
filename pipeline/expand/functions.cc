// The table of functions and the short bodies.
#include "pipeline/expand/functions.h"

#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "pipeline/expand/limits.h"

namespace slipway::pipeline {
namespace {

constexpr std::size_t kMany = 64;  // more arguments than anybody writes by hand

Result<Value> call_contains(const Call& call) {
  const Value& where = call.argument(0);
  const Value& what = call.argument(1);
  if (where.is_null()) return Value(false);
  if (const Value::List* items = where.list()) {
    return Value(std::any_of(items->begin(), items->end(),
                             [&](const Value& item) { return equal_values(item, what); }));
  }
  const std::string needle = SLIP_TRY(text_argument(call, 1));
  if (where.map() != nullptr) return Value(where.find(needle) != nullptr);
  return Value(where.to_text().find(needle) != std::string::npos);
}

Result<Value> call_starts_with(const Call& call) {
  const std::string text = SLIP_TRY(text_argument(call, 0));
  return Value(text.starts_with(SLIP_TRY(text_argument(call, 1))));
}

Result<Value> call_ends_with(const Call& call) {
  const std::string text = SLIP_TRY(text_argument(call, 0));
  return Value(text.ends_with(SLIP_TRY(text_argument(call, 1))));
}

Result<Value> call_matches(const Call& call) {
  const std::string text = SLIP_TRY(text_argument(call, 0));
  const std::string pattern = SLIP_TRY(text_argument(call, 1));
  const Result<bool> found = regex_search(text, pattern);
  if (!found) return call.error(found.error().text());
  return Value(*found);
}

Result<Value> call_lower(const Call& call) {
  return Value(to_lower(SLIP_TRY(text_argument(call, 0))));
}

Result<Value> call_upper(const Call& call) {
  std::string text = SLIP_TRY(text_argument(call, 0));
  for (char& c : text) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return Value(std::move(text));
}

Result<Value> call_default(const Call& call) {
  const Value& value = call.argument(0);
  const bool missing = value.is_null() || (value.string() != nullptr && value.string()->empty());
  return missing ? call.argument(1) : value;
}

Result<Value> call_from_json(const Call& call) {
  const std::string text = SLIP_TRY(text_argument(call, 0));
  const Result<Json> json = parse_json(text, {kMaxTextBytes, kMaxExpressionDepth});
  if (!json) return call.error(json.error().text());
  return Value::from_json(*json);
}

Result<Value> call_to_json(const Call& call) {
  std::string text = call.argument(0).to_json().dump();
  if (text.size() > kMaxTextBytes) return call.error("the text is longer than 1 MiB");
  return Value(std::move(text));
}

// The globs of hash(), changed() and exists(): texts, or lists of texts.
Result<std::vector<std::string>> glob_arguments(const Call& call) {
  std::vector<std::string> globs;
  for (std::size_t i = 0; i < call.arguments.size(); ++i) {
    const Value::List* items = call.argument(i).list();
    if (items == nullptr) {
      globs.push_back(SLIP_TRY(text_argument(call, i)));
      continue;
    }
    for (const Value& item : *items) {
      if (item.string() == nullptr) return call.error("a pattern in a list must be a string");
      globs.push_back(*item.string());
    }
  }
  return globs;
}

template <typename T>
Result<Value> ask_host(const Call& call,
                       Result<T> (EvalHost::*question)(const std::vector<std::string>&) const) {
  if (call.context.host == nullptr) return call.error("files are not known at this place");
  const std::vector<std::string> globs = SLIP_TRY(glob_arguments(call));
  Result<T> answer = (call.context.host->*question)(globs);
  if (!answer) return call.error(answer.error().text());
  return Value(*std::move(answer));
}

Result<Value> call_hash(const Call& call) { return ask_host(call, &EvalHost::hash_files); }
Result<Value> call_changed(const Call& call) { return ask_host(call, &EvalHost::changed); }
Result<Value> call_exists(const Call& call) { return ask_host(call, &EvalHost::exists); }

Result<Value> call_success(const Call& call) {
  return Value(call.context.state == RunState::kSuccess);
}
Result<Value> call_failure(const Call& call) {
  return Value(call.context.state == RunState::kFailure);
}
Result<Value> call_cancelled(const Call& call) {
  return Value(call.context.state == RunState::kCancelled);
}
Result<Value> call_always(const Call&) { return Value(true); }

const std::vector<Function>& functions() {
  static const std::vector<Function> table{
      {"contains", 2, 2, "contains(where, what)", call_contains},
      {"startsWith", 2, 2, "startsWith(text, prefix)", call_starts_with},
      {"endsWith", 2, 2, "endsWith(text, suffix)", call_ends_with},
      {"matches", 2, 2, "matches(text, 'regular expression')", call_matches},
      {"format", 1, kMany, "format('{0} and {1}', first, second)", call_format},
      {"join", 1, 2, "join(list, ', ')", call_join},
      {"split", 2, 2, "split(text, ',')", call_split},
      {"lower", 1, 1, "lower(text)", call_lower},
      {"upper", 1, 1, "upper(text)", call_upper},
      {"replace", 3, 3, "replace(text, from, to)", call_replace},
      {"default", 2, 2, "default(value, otherwise)", call_default},
      {"fromJSON", 1, 1, "fromJSON(text)", call_from_json},
      {"toJSON", 1, 1, "toJSON(value)", call_to_json},
      {"hash", 1, kMany, "hash('package-lock.json', 'src/**')", call_hash},
      {"changed", 1, kMany, "changed('src/**', '!**/*.md')", call_changed},
      {"exists", 1, kMany, "exists('Makefile')", call_exists},
      {"success", 0, 0, "success()", call_success, Asks::kStatus},
      {"failure", 0, 0, "failure()", call_failure, Asks::kStatus},
      {"always", 0, 0, "always()", call_always, Asks::kStatus},
      {"cancelled", 0, 0, "cancelled()", call_cancelled, Asks::kStatus},
  };
  return table;
}

}  // namespace

tl::unexpected<Error> Call::error(const std::string& cause) const {
  return error_at(node.span, node.name + "(): " + cause);
}

Result<std::string> text_argument(const Call& call, std::size_t index) {
  const Value& value = call.argument(index);
  if (value.list() == nullptr && value.map() == nullptr) return value.to_text();
  return call.error("argument " + std::to_string(index + 1) + " must be a string, got " +
                    std::string(value.type_name()));
}

const Function* find_function(std::string_view name) {
  for (const Function& function : functions()) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

std::vector<std::string> function_names() {
  std::vector<std::string> names;
  for (const Function& function : functions()) names.emplace_back(function.name);
  return names;
}

}  // namespace slipway::pipeline
