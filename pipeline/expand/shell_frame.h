#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace slipway::pipeline {

struct HereDoc {
  std::string end;
  bool quoted = false;
  bool strip_tabs = false;
};

enum class FrameKind { kCommand, kDouble, kHereDoc, kBrace, kArithmetic };

/// One open construct of a shell script.
struct ShellFrame {
  FrameKind kind = FrameKind::kCommand;
  char closer = '\0';          ///< kCommand: ')' or '`' or none; kArithmetic: ')' (twice) or ']'.
  bool quoted = false;         ///< kBrace: stands within double quotes.
  bool in_arithmetic = false;  ///< This or a frame below it, up to the next command, is arithmetic.
  std::size_t command = 0;     ///< Index of the nearest command frame.
  std::size_t backtick = 0;    ///< 1 + index of the nearest frame opened by a backtick; 0: none.
  int depth = 0;               ///< Open parentheses or brackets of its own.

  // Of a command only.
  int cases = 0;                 ///< `case` without its `esac`: a `)` then ends a pattern.
  bool command_position = true;  ///< The next word is a command or a keyword.
  bool after_for = false;        ///< `for` was the last word: `((` begins its arithmetic.
  bool word_started = false;
  std::string word;  ///< Its unquoted text; a quoted part leaves a NUL, which no keyword has.
  std::vector<HereDoc> pending;  ///< Their bodies begin after the next newline.
  bool in_test = false;          ///< Between [[ and ]].
  bool arithmetic_test = false;
  std::vector<std::size_t> test_marks;
};

}  // namespace slipway::pipeline
