#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::runner {

/// Every form in which programs print `value`: itself and each of its lines; each of those in base64 at the three
/// phases (standard and URL alphabets, wrapped lines too), hex, percent-encoded, JSON-escaped, shell-quoted. Sorted,
/// without repetition, none shorter than 4 bytes. Beyond 4 KiB only the raw, line, base64 and JSON forms: nobody
/// prints a key file in hex.
std::vector<std::string> secret_forms(std::string_view value);

}  // namespace slipway::runner
