#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::pipeline::dockerfile {

enum class Longest { kNo, kYes };
enum class EveryMatch { kNo, kYes };

/// `${x#pattern}` and `${x##pattern}`. Patterns: `*`, `?`, and a backslash before `*`, `?`, a backslash, `}` or `/`.
Result<std::string> remove_prefix(std::string_view value, std::string_view pattern,
                                  Longest longest);
/// `${x%pattern}` and `${x%%pattern}`.
Result<std::string> remove_suffix(std::string_view value, std::string_view pattern,
                                  Longest longest);
/// `${x/pattern/replacement}` and `${x//pattern/replacement}`; the longest match from the leftmost place.
Result<std::string> replace_matches(std::string_view value, std::string_view pattern,
                                    std::string_view replacement, EveryMatch every);

}  // namespace slipway::pipeline::dockerfile
