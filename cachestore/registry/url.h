#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::cachestore {

/// An http or https URL. Stricter than RFC 3986, so that libcurl and we can never disagree about the host: no user
/// information, plain ASCII, no backslash, a dotted quad where the host looks like a number.
struct Url {
  std::string scheme;  ///< "http" or "https"
  std::string host;    ///< Lower case; an IPv6 address without brackets.
  std::uint16_t port = 0;
  std::string path = "/";
  std::string query;  ///< Without "?"; the fragment is dropped.

  static Result<Url> parse(std::string_view text);
  /// A reference relative to this URL (Location, Link, realm). Spec: RFC 3986, 5.2.
  Result<Url> resolve(std::string_view reference) const;

  std::string str() const;
  /// "host" or "host:port", the port only when it is not the scheme's.
  std::string authority() const;
  std::string origin() const;  ///< "https://host:443": what connections and credentials belong to.
  std::string shown() const;   ///< Without the query, which may hold a signature.
  bool same_origin(const Url& other) const { return origin() == other.origin(); }
  bool https() const { return scheme == "https"; }
  void add_query(std::string_view name, std::string_view value);

  bool operator==(const Url&) const = default;
};

}  // namespace slipway::cachestore
