// Regular expressions: the only place that knows RE2.
#include <re2/re2.h>

#include "pipeline/expand/functions.h"
#include "pipeline/pattern.h"

namespace slipway::pipeline {
namespace {

// Bounds the compiled program and the lazily built automaton; RE2 falls back to slower matching above it.
constexpr std::int64_t kRegexMemory = 1 << 20;

RE2::Options bounded() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kRegexMemory);
  return options;
}

}  // namespace

struct Pattern::Compiled {
  explicit Compiled(std::string_view pattern)
      : regex(re2::StringPiece(pattern.data(), pattern.size()), bounded()) {}
  RE2 regex;
};

Pattern::Pattern(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

Result<Pattern> Pattern::compile(std::string_view pattern) {
  auto compiled = std::make_unique<Compiled>(pattern);
  if (!compiled->regex.ok())
    return fail(ErrorCode::kInvalid, "compile regular expression: " + compiled->regex.error());
  return Pattern(std::move(compiled));
}

std::optional<std::string> Pattern::find(std::string_view text) const {
  re2::StringPiece match;
  const re2::StringPiece piece(text.data(), text.size());
  if (!compiled_->regex.Match(piece, 0, piece.size(), RE2::UNANCHORED, &match, 1))
    return std::nullopt;
  return std::string(match.data(), match.size());
}

Result<bool> regex_search(std::string_view text, std::string_view pattern) {
  const RE2::Options options = bounded();
  const RE2 regex(re2::StringPiece(pattern.data(), pattern.size()), options);
  if (!regex.ok()) {
    return fail(ErrorCode::kInvalid, "compile regular expression: " + regex.error());
  }
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), regex);
}

}  // namespace slipway::pipeline
