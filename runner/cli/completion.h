#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runner/cli/options.h"

namespace slipway::runner {

/// The script for "bash", "zsh" or "fish". It asks `runner __complete`, so that it never grows old.
std::string completion_script(std::string_view shell);

struct Candidate {
  std::string word;
  std::string meaning;
};

/// What could stand for the last of `words` (the one under the cursor, may be empty; the program's name is left out).
struct Completion {
  std::vector<Candidate> candidates;  ///< Only those that start with the last word.
  Complete kind =
      Complete::kNothing;  ///< Files or directories as well; or what the caller has to look up.
  std::string prefix;      ///< "--job=" in front of what is looked up.
  std::string partial;     ///< What stands already of the looked-up word.
  std::string file;        ///< The pipeline file on the line so far, for jobs and steps.
};
Completion complete_words(const std::vector<std::string>& words);

}  // namespace slipway::runner
