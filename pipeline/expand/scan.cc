// Finds `${{ … }}` in a text.
#include "pipeline/expand/scan.h"

#include <algorithm>

#include "pipeline/expand/limits.h"

namespace slipway::pipeline {
namespace {

// The `}}` that ends the expression starting at `begin`, looking no further than an expression may reach.
std::size_t find_close(std::string_view text, std::size_t begin) {
  const std::size_t limit = std::min(text.size(), begin + kMaxExpressionBytes + kCloseMark.size());
  int braces = 0;
  for (std::size_t at = begin; at < limit; ++at) {
    const char c = text[at];
    if (c == '\'' || c == '"') {
      for (++at; at < limit && text[at] != c; ++at) {
        if (c == '"' && text[at] == '\\') ++at;
      }
    } else if (c == '{') {
      ++braces;
    } else if (c == '}' && braces > 0) {
      --braces;
    } else if (text.substr(at).starts_with(kCloseMark)) {
      return at;
    }
  }
  return std::string_view::npos;
}

}  // namespace

std::optional<MarkedPart> marked_part(std::string_view text, std::size_t begin) {
  begin += kOpenMark.size();
  std::size_t end = find_close(text, begin);
  // A forgotten quote or brace: take the first `}}`, so that the parser can point at the mistake itself.
  if (end == std::string_view::npos) end = text.find(kCloseMark, begin);
  if (end == std::string_view::npos) return std::nullopt;
  return MarkedPart{begin, end, end + kCloseMark.size()};
}

void report_unclosed(const TextOrigin& origin, std::size_t begin, std::vector<Diagnostic>& out) {
  out.push_back({Severity::kError,
                 origin.at(begin, begin + kOpenMark.size()),
                 "unclosed \"${{\"",
                 "close it with \"}}\", or write \"$${{\" for the three characters themselves",
                 {}});
}

}  // namespace slipway::pipeline
