// Keys of steps: named parts, their digest, and what differs between two of them.
#include "runner/build/cache_key.h"

#include "base/text.h"

namespace slipway::runner {
namespace {

// Raised when the meaning of a part changes: old records are then simply not found.
constexpr std::string_view kVersion = "slipway build step 1";
constexpr std::size_t kShownValue = 120;  // Of a value in a sentence for people: one line.

void put(Sha256& hash, std::string_view text) {
  hash.update(std::to_string(text.size()) + ":");
  hash.update(text);
}

std::string shown(const std::string& value) {
  return "\"" + ellipsize(printable(value), kShownValue) + "\"";
}

const std::string* find(const CacheKey::Parts& parts, const std::string& name) {
  for (const auto& part : parts) {
    if (part.first == name) return &part.second;
  }
  return nullptr;
}

}  // namespace

Digest CacheKey::digest() const {
  Sha256 hash;
  put(hash, kVersion);
  for (const auto& [name, value] : parts_) {
    put(hash, name);
    put(hash, value);
  }
  return hash.finish();
}

Json CacheKey::to_json() const {
  Json json{Json::Array{}};
  for (const auto& [name, value] : parts_) json.push(Json::array({name, value}));
  return json;
}

CacheKey::Parts CacheKey::parts_of(const Json& json) {
  Parts parts;
  for (const Json& part : json.items()) {
    if (part.items().size() != 2) continue;
    parts.emplace_back(part.items()[0].string_or(""), part.items()[1].string_or(""));
  }
  return parts;
}

std::string first_difference(const CacheKey::Parts& before, const CacheKey::Parts& now) {
  for (const auto& [name, value] : now) {
    const std::string* old = find(before, name);
    if (old == nullptr) return name + " is new: " + shown(value);
    if (*old != value) return name + " changed from " + shown(*old) + " to " + shown(value);
  }
  for (const auto& part : before) {
    if (find(now, part.first) == nullptr)
      return part.first + " is gone; it was " + shown(part.second);
  }
  return before == now ? "" : "the order of the inputs changed";
}

}  // namespace slipway::runner
