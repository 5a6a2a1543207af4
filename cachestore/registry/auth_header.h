#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace slipway::cachestore {

/// One challenge of a WWW-Authenticate header. Spec: RFC 9110, 11.6.1.
struct Challenge {
  std::string scheme;                                           ///< Lower case.
  std::vector<std::pair<std::string, std::string>> parameters;  ///< Names in lower case.

  std::string_view parameter(std::string_view name) const;  ///< Empty when absent.
};

/// Every challenge of one header value, several separated by commas. What cannot be read ends the list: a registry that
/// sends half a challenge gets no credentials. Bounded: at most 16 challenges and 32 parameters each.
std::vector<Challenge> parse_challenges(std::string_view value);

}  // namespace slipway::cachestore
