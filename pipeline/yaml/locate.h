#pragma once

#include <cstddef>
#include <string_view>

#include "pipeline/source.h"

namespace slipway::pipeline::yaml {

/// 1-based place of a byte offset, one byte wide.
Span span_at(std::string_view text, int file, std::size_t offset);

/// Where a scalar's text really stands in the source: behind anchors and tags, inside quotes, below a block header.
struct ScalarPlace {
  Span span;
  Span content;
  char opener = 0;     ///< `"`, `'`, `|`, `>`, or 0 for a plain scalar.
  bool closed = true;  ///< False: a quote that is never closed.
};
/// `offset`, `line`, `column` (1-based): where the node starts, properties included.
ScalarPlace locate_scalar(std::string_view text, int file, std::size_t offset, int line,
                          int column);

/// The line's text without its end; `line` is 1-based.
std::string_view line_text(std::string_view text, int line);

}  // namespace slipway::pipeline::yaml
