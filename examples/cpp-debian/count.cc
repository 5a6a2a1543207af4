// Counting lines and words.
#include "count.h"

Count count(std::string_view text) {
  Count result;
  bool in_word = false;
  for (const char c : text) {
    const bool space = c == ' ' || c == '\t' || c == '\n';
    if (c == '\n') ++result.lines;
    if (!space && !in_word) ++result.words;
    in_word = !space;
  }
  return result;
}
