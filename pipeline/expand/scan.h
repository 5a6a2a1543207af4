#pragma once

#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "pipeline/expand/text_origin.h"
#include "pipeline/expression.h"

namespace slipway::pipeline {

constexpr std::string_view kOpenMark = "${{";
constexpr std::string_view kCloseMark = "}}";
constexpr std::string_view kEscapedMark = "$${{";  ///< Stands for a literal `${{`.

/// Builds expressions out of a part of a larger text, so that their places are those of the whole file.
struct ExpressionBuilder {
  /// Of text[begin, end), white space around it ignored; `origin` belongs to the whole `text`.
  static std::optional<Expression> build(std::string_view text, std::size_t begin, std::size_t end,
                                         const TextOrigin& origin, ExpressionPlace place,
                                         std::vector<Diagnostic>& out);
};

/// `${{ … }}` at text[begin]: the half-open range of the expression and where the text goes on.
struct MarkedPart {
  std::size_t begin;
  std::size_t end;
  std::size_t next;
};
/// nullopt: unclosed. A `}}` in a string literal or one that closes map literals does not count.
std::optional<MarkedPart> marked_part(std::string_view text, std::size_t begin);

void report_unclosed(const TextOrigin& origin, std::size_t begin, std::vector<Diagnostic>& out);

}  // namespace slipway::pipeline
