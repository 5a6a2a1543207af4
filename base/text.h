#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slipway {

bool valid_utf8(std::string_view text);
/// Invalid sequences become U+FFFD.
std::string to_valid_utf8(std::string_view text);

/// For names and messages shown to people: C0, C1, DEL, bidi controls and line separators become visible
/// escapes (\x1b, \u202e); valid printable text passes. Newlines are escaped too.
std::string printable(std::string_view text);
/// For job output on a terminal: as printable(), but tabs and newlines pass and SGR colour sequences
/// (ESC [ digits ; m) are kept if `keep_colour`; all other escapes are dropped whole.
enum class KeepColour { kNo, kYes };
std::string terminal_safe(std::string_view line, KeepColour keep_colour);

/// Columns a terminal needs (East Asian wide = 2, combining = 0, escape sequences = 0).
std::size_t display_width(std::string_view text);
/// Cut to `columns` on a character border, with "…" when something was cut.
std::string ellipsize(std::string_view text, std::size_t columns);

/// Damerau-Levenshtein based: the nearest candidate, if near enough to be a likely slip.
std::optional<std::string> did_you_mean(std::string_view word,
                                        const std::vector<std::string>& candidates);

/// One word for a POSIX shell: bare when harmless, else single-quoted.
std::string shell_quote(std::string_view word);
std::string shell_join(const std::vector<std::string>& words);

std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);  ///< ASCII white space at both ends.
std::string to_lower(std::string_view text);   ///< ASCII only.
std::string join(const std::vector<std::string>& parts, std::string_view separator);
/// Decimal integer spanning the whole text, or nothing.
std::optional<long long> parse_int(std::string_view text);

std::string base64_encode(std::string_view data);
std::optional<std::string> base64_decode(std::string_view text);
std::string hex_encode(std::string_view data);
std::string percent_encode(std::string_view data);  ///< RFC 3986 unreserved characters stay.

}  // namespace slipway
