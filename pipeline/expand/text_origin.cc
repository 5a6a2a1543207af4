// Places in a file of a text that was cut out of it.
#include "pipeline/expand/text_origin.h"

#include <algorithm>

namespace slipway::pipeline {

TextOrigin::TextOrigin(std::string_view text, Span start) : start_(start), line_starts_{0} {
  if (!start_.valid()) start_ = Span{-1, 1, 1, 1, 1};
  for (std::size_t at = text.find('\n'); at != std::string_view::npos;
       at = text.find('\n', at + 1)) {
    line_starts_.push_back(at + 1);
  }
}

TextOrigin::Position TextOrigin::position(std::size_t offset) const {
  const auto next = std::upper_bound(line_starts_.begin(), line_starts_.end(), offset);
  const auto line = next - line_starts_.begin() - 1;
  const std::size_t column = offset - *(next - 1);
  return {start_.line + static_cast<int>(line), start_.column + static_cast<int>(column)};
}

Span TextOrigin::at(std::size_t begin, std::size_t end) const {
  const Position first = position(begin);
  const Position last = position(end);
  return {start_.file, first.line, first.column, last.line, last.column};
}

}  // namespace slipway::pipeline
