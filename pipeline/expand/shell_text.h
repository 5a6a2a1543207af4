#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace slipway::pipeline {

/// How a place of a shell script is quoted: decides how a variable is referred to there.
enum class Quoting {
  kNone,           ///< Words.
  kDouble,         ///< "…" and unquoted here-documents.
  kSingle,         ///< '…'
  kAnsi,           ///< $'…'
  kQuotedHereDoc,  ///< Nothing is expanded here.
  kHereDocEnd,     ///< The word after <<: nothing is expanded here either.
  kArithmetic,  ///< $(( )), (( )), $[ ], subscripts, ${x:offset}: bash evaluates the *value* again.
  kArithmeticTest,  ///< [[ … -eq … ]]: the same trap.
  kAfterBackslash,  ///< \${{: the author meant something else.
  kTooDeep,         ///< Nested further than we follow.
};

class ShellListener {
 public:
  virtual ~ShellListener() = default;
  /// At text[at] stands `${{` or `$${{`: appends to `out` what takes its place and returns where the text goes on
  /// (beyond `at`). `text` begins where the script does, but ends with the here-document that `at` stands in.
  virtual std::size_t on_mark(std::string_view text, std::size_t at, Quoting quoting,
                              std::string& out) = 0;
  /// An expression already taken at `at` turned out to stand where its value would be code.
  virtual void on_trap(std::size_t at, Quoting quoting) = 0;
};

/// Walks over a POSIX shell script (with bash's additions), knowing at each byte how it is quoted, and copies it,
/// asking the listener at each mark. What it does not understand it copies. Marks in comments are copied too. Linear
/// time.
std::string follow_shell(std::string_view text, ShellListener& listener);

}  // namespace slipway::pipeline
