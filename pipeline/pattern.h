#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::pipeline {

/// A compiled regular expression (RE2: linear time, bounded memory), for texts that come line by line.
class Pattern {
 public:
  /// kInvalid says why.
  static Result<Pattern> compile(std::string_view pattern);
  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  ~Pattern();
  /// The first match in `text`.
  std::optional<std::string> find(std::string_view text) const;

 private:
  struct Compiled;
  explicit Pattern(std::unique_ptr<Compiled> compiled);
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace slipway::pipeline
