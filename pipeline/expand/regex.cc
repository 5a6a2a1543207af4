// Regular expressions: the only place that knows RE2.
#include <re2/re2.h>

#include "pipeline/expand/functions.h"

namespace slipway::pipeline {
namespace {

// Bounds the compiled program and the lazily built automaton; RE2 falls back to slower matching above it.
constexpr std::int64_t kRegexMemory = 1 << 20;

}  // namespace

Result<bool> regex_search(std::string_view text, std::string_view pattern) {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kRegexMemory);
  const RE2 regex(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!regex.ok()) {
    return fail(ErrorCode::kInvalid, "compile regular expression: " + regex.error());
  }
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), regex);
}

}  // namespace slipway::pipeline
