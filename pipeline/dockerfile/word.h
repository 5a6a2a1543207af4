#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/dockerfile.h"

namespace slipway::pipeline::dockerfile {

/// How a word is read where it is not simply expanded.
struct WordMode {
  char escape = '\\';
  bool keep_quotes = false;      ///< Quotes group, but stay in the text.
  bool keep_escapes = false;     ///< Likewise escape characters.
  bool quotes_are_text = false;  ///< Quotes mean nothing.
  bool keep_unset = false;       ///< `$x` stays when x has no value.
};

struct ReadWord {
  std::string text;
  std::vector<std::string> words;  ///< The same, split at unquoted white space.
};

Result<ReadWord> read_word(std::string_view text, const WordMode& mode,
                           const VariableLookup& lookup, std::vector<std::string>* unset);

}  // namespace slipway::pipeline::dockerfile
