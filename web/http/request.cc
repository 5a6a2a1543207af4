// Targets and query strings.
#include "web/http/request.h"

#include "base/text.h"

namespace slipway::web {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (out.back() == '\0') return std::nullopt;
  }
  return out;
}

std::optional<Request> parse_target(std::string_view method, std::string_view target) {
  Request request;
  request.method = method;
  const std::size_t mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark == std::string_view::npos) return request;
  for (const std::string_view pair : split(target.substr(mark + 1), '&')) {
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    auto name = percent_decode(pair.substr(0, equals), true);
    auto value = equals == std::string_view::npos ? std::optional<std::string>("")
                                                  : percent_decode(pair.substr(equals + 1), true);
    if (!name || !value) return std::nullopt;
    request.query.emplace_back(*std::move(name), *std::move(value));
  }
  return request;
}

const std::string* Request::header(std::string_view name) const {
  for (const auto& [known, value] : headers) {
    if (known == name) return &value;
  }
  return nullptr;
}

std::string Request::param(std::string_view name, std::string_view fallback) const {
  for (const auto& [known, value] : query) {
    if (known == name) return value;
  }
  return std::string(fallback);
}

bool Request::has_param(std::string_view name) const {
  for (const auto& pair : query) {
    if (pair.first == name) return true;
  }
  return false;
}

std::vector<std::string> Request::params(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [known, value] : query) {
    if (known == name) values.push_back(value);
  }
  return values;
}

bool Request::flag(std::string_view name, bool fallback) const {
  if (!has_param(name)) return fallback;
  const std::string value = to_lower(trim(param(name)));
  return !(value.empty() || value == "0" || value == "no" || value == "false" || value == "none");
}

}  // namespace slipway::web
