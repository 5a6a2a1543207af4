// Text for people: UTF-8 validity, what may reach a terminal, display width, suggestions.
#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text/unicode.h"

namespace slipway {
namespace {

using text::Character;
using text::column_width;
using text::first_character;
using text::is_unsafe;

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

std::string visible_escape(std::uint32_t point) {
  if (point == '\n') return "\\n";
  if (point == '\t') return "\\t";
  if (point == '\r') return "\\r";
  if (point < 0x100) return fmt::format("\\x{:02x}", point);
  return point < 0x10000 ? fmt::format("\\u{:04x}", point) : fmt::format("\\U{:08x}", point);
}

// The escape sequence at the front of `text` (which starts with ESC). Spec: ECMA-48, 5.4 (CSI)
// and 5.6 (control strings); an unfinished sequence reaches to the end of the text.
std::size_t escape_length(std::string_view text) {
  if (text.size() < 2) return text.size();
  if (text[1] == '[') {
    std::size_t i = 2;
    while (i < text.size() && text[i] >= 0x20 && text[i] <= 0x3F) ++i;
    return i < text.size() && text[i] >= 0x40 && text[i] <= 0x7E ? i + 1 : i;
  }
  if (std::string_view("]PX^_").find(text[1]) != std::string_view::npos) {
    for (std::size_t i = 2; i < text.size(); ++i) {
      if (text[i] == '\a') return i + 1;
      if (text[i] == '\x1b' && i + 1 < text.size() && text[i + 1] == '\\') return i + 2;
    }
    return text.size();
  }
  std::size_t i = 1;
  while (i < text.size() && text[i] >= 0x20 && text[i] <= 0x2F) ++i;
  return i < text.size() && text[i] >= 0x30 && text[i] <= 0x7E ? i + 1 : i;
}

bool is_colour(std::string_view sequence) {
  if (sequence.size() < 3 || sequence[1] != '[' || sequence.back() != 'm') return false;
  return sequence.substr(2, sequence.size() - 3).find_first_not_of("0123456789;:") ==
         std::string_view::npos;
}

// Optimal string alignment distance: insert, delete, replace and swap of neighbours cost 1.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> previous(b.size() + 1);
  std::vector<std::size_t> current(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

}  // namespace

bool valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const Character character = first_character(text);
    if (!character.valid) return false;
    text.remove_prefix(character.length);
  }
  return true;
}

std::string to_valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character character = first_character(text);
    out += character.valid ? text.substr(0, character.length) : kReplacement;
    text.remove_prefix(character.length);
  }
  return out;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const Character character = first_character(text);
    if (!character.valid || is_unsafe(character.point)) {
      out += visible_escape(character.point);
    } else {
      out += text.substr(0, character.length);
    }
    text.remove_prefix(character.length);
  }
  return out;
}

std::string terminal_safe(std::string_view line, KeepColour keep_colour) {
  std::string out;
  out.reserve(line.size());
  while (!line.empty()) {
    if (line[0] == '\x1b') {
      const std::size_t length = escape_length(line);
      const std::string_view sequence = line.substr(0, length);
      if (keep_colour == KeepColour::kYes && is_colour(sequence)) out += sequence;
      line.remove_prefix(length);
      continue;
    }
    const Character character = first_character(line);
    const bool layout = line[0] == '\n' || line[0] == '\t';
    if (!layout && (!character.valid || is_unsafe(character.point))) {
      out += visible_escape(character.point);
    } else {
      out += line.substr(0, character.length);
    }
    line.remove_prefix(character.length);
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    if (text[0] == '\x1b') {
      text.remove_prefix(escape_length(text));
      continue;
    }
    const Character character = first_character(text);
    columns += static_cast<std::size_t>(character.valid ? column_width(character.point) : 1);
    text.remove_prefix(character.length);
  }
  return columns;
}

std::string ellipsize(std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  std::string out;
  std::size_t used = 0;
  bool escapes = false;
  while (!text.empty()) {
    std::size_t length = 0;
    std::size_t width = 0;
    if (text[0] == '\x1b') {
      length = escape_length(text);
      escapes = true;
    } else {
      const Character character = first_character(text);
      length = character.length;
      width = static_cast<std::size_t>(character.valid ? column_width(character.point) : 1);
    }
    if (used + width > columns - 1) break;
    out += text.substr(0, length);
    used += width;
    text.remove_prefix(length);
  }
  out += "…";
  if (escapes) out += "\x1b[0m";  // the reset may be in the part that was cut
  return out;
}

std::optional<std::string> did_you_mean(std::string_view word,
                                        const std::vector<std::string>& candidates) {
  // A long word is no slip of the keyboard, and the distance is quadratic.
  constexpr std::size_t kMaxWord = 64;
  if (word.empty() || word.size() > kMaxWord) return std::nullopt;
  const std::string wanted = to_lower(word);
  std::optional<std::string> best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kMaxWord) continue;
    const std::size_t found = distance(wanted, to_lower(candidate));
    // Never suggest a word that shares nothing: distance below the longer word's length.
    if (found < best_distance && found < std::max(word.size(), candidate.size())) {
      best_distance = found;
      best = candidate;
    }
  }
  return best;
}

}  // namespace slipway
