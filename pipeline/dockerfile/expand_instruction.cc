// Where variables are put in, and what becomes of heredocs. Spec: Dockerfile reference, "Environment replacement".
#include <algorithm>
#include <array>

#include "pipeline/dockerfile/characters.h"
#include "pipeline/dockerfile/statement.h"
#include "pipeline/dockerfile/word.h"
#include "pipeline/dockerfile_values.h"

namespace slipway::pipeline {
namespace {

using Kind = InstructionKind;

constexpr std::array kExpandedFlags = {std::string_view("chown"), std::string_view("chmod"),
                                       std::string_view("checksum")};

class Expander {
 public:
  Expander(char escape, const VariableLookup& lookup, std::vector<std::string>* unset)
      : lookup_(lookup), unset_(unset) {
    mode_.escape = escape;
  }

  Status one(std::string& word) const {
    word = SLIP_TRY(dockerfile::read_word(word, mode_, lookup_, unset_)).text;
    return {};
  }
  Status all(std::vector<std::string>& words) const {
    for (std::string& word : words) SLIP_TRY(one(word));
    return {};
  }
  Status split(std::vector<std::string>& words) const {
    std::vector<std::string> out;
    for (const std::string& word : words) {
      dockerfile::ReadWord read = SLIP_TRY(dockerfile::read_word(word, mode_, lookup_, unset_));
      std::move(read.words.begin(), read.words.end(), std::back_inserter(out));
    }
    words = std::move(out);
    return {};
  }
  /// The reference implementation reads heredocs with a backslash, whatever the file's escape character.
  Status heredoc(Heredoc& heredoc) const {
    if (!heredoc.expand) return {};
    dockerfile::WordMode mode;
    mode.quotes_are_text = true;
    heredoc.content = SLIP_TRY(dockerfile::read_word(heredoc.content, mode, lookup_, unset_)).text;
    return {};
  }

 private:
  dockerfile::WordMode mode_;
  const VariableLookup& lookup_;
  std::vector<std::string>* unset_;
};

Status expand(Instruction& out, const Expander& expander) {
  switch (out.kind) {
    case Kind::kAdd:
    case Kind::kCopy:
      for (InstructionFlag& flag : out.flags) {
        if (std::find(kExpandedFlags.begin(), kExpandedFlags.end(), flag.name) !=
            kExpandedFlags.end())
          SLIP_TRY(expander.one(flag.value));
      }
      SLIP_TRY(expander.all(out.words));
      for (Heredoc& heredoc : out.heredocs) SLIP_TRY(expander.heredoc(heredoc));
      return {};
    case Kind::kArg:
    case Kind::kEnv:
    case Kind::kLabel:
      for (Assignment& assignment : out.assignments) {
        SLIP_TRY(expander.one(assignment.name));
        if (assignment.value) SLIP_TRY(expander.one(*assignment.value));
      }
      return {};
    case Kind::kExpose:
      return expander.split(out.words);
    case Kind::kStopsignal:
    case Kind::kUser:
    case Kind::kVolume:
    case Kind::kWorkdir:
      return expander.all(out.words);
    default:
      return {};
  }
}

}  // namespace

Result<Instruction> expand_instruction(Instruction instruction, char escape,
                                       const VariableLookup& lookup,
                                       std::vector<std::string>* unset) {
  SLIP_TRY(expand(instruction, Expander(escape, lookup, unset)));
  return instruction;
}

std::string trigger_text(const Instruction& onbuild) {
  std::string out = onbuild.text;
  if (onbuild.trigger.empty()) return out;
  for (const Heredoc& heredoc : onbuild.trigger[0].heredocs)
    out += '\n' + heredoc.content + heredoc.name;
  return out;
}

RunScript run_script(const Instruction& run) {
  RunScript out;
  if (!run.words.empty()) out.line = run.words[0];
  if (run.exec_form || run.heredocs.empty()) return out;
  if (dockerfile::heredoc_mark(out.line)) {
    const Heredoc& only = run.heredocs[0];
    if (only.content.substr(0, 2) == "#!") {
      out.line.clear();
      out.file = only;
    } else {
      out.line = only.content;
    }
    return out;
  }
  for (const Heredoc& heredoc : run.heredocs) out.line += '\n' + heredoc.content + heredoc.name;
  return out;
}

}  // namespace slipway::pipeline
