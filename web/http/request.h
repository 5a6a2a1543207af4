#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::web {

/// A request's head, already checked by the parser.
struct Request {
  std::string method;  ///< "GET"
  std::string path;    ///< As sent, still percent-encoded, without the query.
  std::vector<std::pair<std::string, std::string>> query;    ///< Decoded, in order.
  std::vector<std::pair<std::string, std::string>> headers;  ///< Names in lower case.

  const std::string* header(std::string_view name) const;
  /// First value of a query parameter, or `fallback`.
  std::string param(std::string_view name, std::string_view fallback = "") const;
  bool has_param(std::string_view name) const;
  std::vector<std::string> params(std::string_view name) const;
  /// Docker's truth: "", 0, no, false and none are false. Source: moby, api/server/httputils/form.go.
  bool flag(std::string_view name, bool fallback = false) const;
};

/// Splits "/a/b?c=d" into path and decoded query; nothing for what cannot be decoded.
std::optional<Request> parse_target(std::string_view method, std::string_view target);
/// Nothing for a bad escape or a NUL.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_blank);

}  // namespace slipway::web
