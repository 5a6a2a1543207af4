#pragma once

#include <optional>
#include <string>

#include "base/cancel.h"
#include "base/result.h"
#include "cachestore/registry.h"
#include "cachestore/registry/http_client.h"

namespace slipway::cachestore {

/// A trouble that may go away: what it was, and what the registry said about when.
struct Trouble {
  Error error;
  std::optional<Millis> retry_after;
  int most_attempts = 0;  ///< Not 0: fewer than usual are worth it.
};

/// Counts attempts and waits between them: back-off that doubles, with jitter; Retry-After wins.
class Retry {
 public:
  /// `tell` hears of each wait; without it the options' `warn` hears of those that people would wonder about.
  explicit Retry(const RegistryOptions& options,
                 std::function<void(const std::string& text)> tell = nullptr)
      : options_(options), tell_(std::move(tell)) {}
  /// Waits before the next attempt. Returns the trouble's error when there is none left, when the registry asks for
  /// longer than a minute, or kCancelled.
  Status again(Trouble trouble, const CancelToken& cancel);
  void progressed() { failures_ = 0; }  ///< Bytes moved since: counting starts anew.

 private:
  void announce(const std::string& trouble, Millis pause) const;

  const RegistryOptions& options_;
  std::function<void(const std::string& text)> tell_;
  int failures_ = 0;
};

/// Trouble of an answer: 408, 429 and 5xx (but 501, 505 and 507); nothing for all others.
std::optional<Trouble> trouble_of(const HttpAnswer& answer, const std::string& account);
/// Trouble of a broken exchange; nothing when trying again cannot help.
std::optional<Trouble> trouble_of(const HttpFailure& failure);

/// What an answer that is no success means, as a cause: `unauthorized: authentication required (runner login HOST)`.
/// One line, safe for terminals, of bounded length.
Error answer_error(const HttpAnswer& answer, const std::string& account);

}  // namespace slipway::cachestore
