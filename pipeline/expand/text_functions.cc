// Functions that build texts and lists, each with a bound on what it builds.
#include "base/text.h"
#include "pipeline/expand/functions.h"
#include "pipeline/expand/limits.h"

namespace slipway::pipeline {
namespace {

Status append(const Call& call, std::string& out, std::string_view piece) {
  if (out.size() + piece.size() > kMaxTextBytes) return call.error("the text is longer than 1 MiB");
  out += piece;
  return {};
}

// The text that stands for `{…}` at the front of `rest`; `length` becomes that of the placeholder.
Result<std::string> placeholder(const Call& call, std::string_view rest, std::size_t& length) {
  const std::size_t close = rest.find('}');
  const std::optional<long long> index =
      close == std::string_view::npos ? std::nullopt : parse_int(rest.substr(1, close - 1));
  if (!index) return call.error("\"{\" begins no placeholder, write {{ for a brace");
  const auto count = static_cast<long long>(call.arguments.size()) - 1;
  if (*index < 0 || *index >= count) {
    return call.error("there is no argument for {" + std::to_string(*index) + "}");
  }
  length = close + 1;
  return call.argument(static_cast<std::size_t>(*index) + 1).to_text();
}

}  // namespace

Result<Value> call_format(const Call& call) {
  const std::string form = SLIP_TRY(text_argument(call, 0));
  std::string out;
  std::string_view rest = form;
  while (!rest.empty()) {
    const std::size_t plain = std::min(rest.find_first_of("{}"), rest.size());
    SLIP_TRY(append(call, out, rest.substr(0, plain)));
    rest.remove_prefix(plain);
    if (rest.starts_with("{{") || rest.starts_with("}}")) {
      SLIP_TRY(append(call, out, rest.substr(0, 1)));
      rest.remove_prefix(2);
    } else if (rest.starts_with("{")) {
      std::size_t length = 0;
      const std::string value = SLIP_TRY(placeholder(call, rest, length));
      SLIP_TRY(append(call, out, value));
      rest.remove_prefix(length);
    } else if (!rest.empty()) {
      return call.error("a single \"}\", write }} for a brace");
    }
  }
  return Value(std::move(out));
}

Result<Value> call_join(const Call& call) {
  const Value& value = call.argument(0);
  const std::string separator = call.arguments.size() > 1 ? SLIP_TRY(text_argument(call, 1)) : ",";
  if (value.list() == nullptr) return Value(SLIP_TRY(text_argument(call, 0)));
  std::string out;
  bool first = true;
  for (const Value& item : *value.list()) {
    if (!first) SLIP_TRY(append(call, out, separator));
    SLIP_TRY(append(call, out, item.to_text()));
    first = false;
  }
  return Value(std::move(out));
}

Result<Value> call_split(const Call& call) {
  const std::string text = SLIP_TRY(text_argument(call, 0));
  const std::string separator = SLIP_TRY(text_argument(call, 1));
  if (separator.empty()) return call.error("the separator is empty");
  Value::List items;
  if (text.empty()) return Value(std::move(items));
  for (std::size_t begin = 0;;) {
    if (items.size() == kMaxListItems) {
      return call.error("the list is longer than " + std::to_string(kMaxListItems) + " items");
    }
    const std::size_t end = text.find(separator, begin);
    items.emplace_back(text.substr(begin, end == std::string::npos ? end : end - begin));
    if (end == std::string::npos) return Value(std::move(items));
    begin = end + separator.size();
  }
}

Result<Value> call_replace(const Call& call) {
  const std::string text = SLIP_TRY(text_argument(call, 0));
  const std::string from = SLIP_TRY(text_argument(call, 1));
  const std::string to = SLIP_TRY(text_argument(call, 2));
  if (from.empty()) return call.error("the text to be replaced is empty");
  std::string out;
  for (std::size_t begin = 0;;) {
    const std::size_t end = text.find(from, begin);
    SLIP_TRY(
        append(call, out,
               std::string_view(text).substr(begin, end == std::string::npos ? end : end - begin)));
    if (end == std::string::npos) return Value(std::move(out));
    SLIP_TRY(append(call, out, to));
    begin = end + from.size();
  }
}

}  // namespace slipway::pipeline
