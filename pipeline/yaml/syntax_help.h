#pragma once

#include <string_view>

#include "pipeline/diagnostic.h"

namespace slipway::pipeline::yaml {

/// A collection that was still open when the reading stopped.
struct OpenCollection {
  Span span;
  char bracket = 0;  ///< `[`, `{`, or 0 for an indented one.
};

/// Turns the library's words ("illegal map value") into what is wrong with this text and what to do about it.
/// `place` is where the library gave up; the diagnostic may point at an earlier line that is the real cause.
Diagnostic explain_syntax(std::string_view text, Span place, std::string_view library_words,
                          const OpenCollection& innermost_flow);

}  // namespace slipway::pipeline::yaml
