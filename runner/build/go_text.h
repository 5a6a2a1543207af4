#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::runner {

/// Values as Go prints them: history entries of images are compared byte by byte with those of other builders.

/// %q of a string. Spec: strconv.Quote.
std::string go_quote(std::string_view text);
/// %q of a list: ["sh" "-c" "true"]
std::string go_quote(const std::vector<std::string>& words);
/// %v of a list: [a b]
std::string go_list(const std::vector<std::string>& words);
/// time.Duration's String: "1m30s", "1.5s", "500ms", "0s".
std::string go_duration(std::chrono::nanoseconds duration);

}  // namespace slipway::runner
