#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "pipeline/source.h"

namespace slipway::pipeline {

/// Turns byte offsets of a text cut out of a file into places of that file. Only the place of the first byte is known:
/// later lines are taken to begin in the same column, which holds for block scalars (their indentation is stripped).
class TextOrigin {
 public:
  TextOrigin(std::string_view text, Span start);
  /// Place of the bytes [begin, end). Without a valid start: counted from 1:1, file -1.
  Span at(std::size_t begin, std::size_t end) const;

 private:
  struct Position {
    int line;
    int column;
  };
  Position position(std::size_t offset) const;

  Span start_;
  std::vector<std::size_t> line_starts_;
};

}  // namespace slipway::pipeline
