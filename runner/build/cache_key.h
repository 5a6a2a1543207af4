#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/json.h"

namespace slipway::runner {

/// What a step's result depends on, as named parts: the key is their digest, and the parts say later why a step was not
/// found. Values of secrets are never parts.
class CacheKey {
 public:
  using Parts = std::vector<std::pair<std::string, std::string>>;

  void add(std::string name, std::string value) {
    parts_.emplace_back(std::move(name), std::move(value));
  }
  const Parts& parts() const { return parts_; }
  /// The same on every machine: lengths and bytes of names and values, in order.
  Digest digest() const;
  Json to_json() const;
  static Parts parts_of(const Json& json);

 private:
  Parts parts_;
};

/// The first part in which `now` differs from `before`, in words; empty when they are equal.
std::string first_difference(const CacheKey::Parts& before, const CacheKey::Parts& now);

}  // namespace slipway::runner
