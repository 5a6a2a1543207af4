#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/dockerfile.h"

namespace slipway::pipeline::dockerfile {

/// A part of a logical line.
struct Part {
  std::string text;
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// `KEYWORD --flag… arguments`
struct Statement {
  Part keyword;
  std::vector<Part> flags;  ///< Quotes and escapes resolved.
  Part arguments;
};
Statement split_statement(std::string_view line, char escape);

/// Words between white space; quotes and escapes group, and stay.
std::vector<Part> grouped_words(std::string_view text, char escape);
/// Words between blanks, nothing else.
std::vector<Part> plain_words(std::string_view text);

/// `["a", "b"]`
struct JsonWords {
  bool is_json = false;      ///< Otherwise the text is to be read in another way.
  bool only_strings = true;  ///< False is an error.
  std::vector<std::string> words;
};
JsonWords json_words(std::string_view text);

/// `<<EOF`, `<<-"EOF"`, `3<<EOF`
struct HeredocMark {
  std::string name;
  bool expand = true;
  bool strip_tabs = false;
};
std::optional<HeredocMark> heredoc_mark(std::string_view word);
/// All of a line, in order.
std::vector<HeredocMark> heredoc_marks(std::string_view line);

}  // namespace slipway::pipeline::dockerfile
