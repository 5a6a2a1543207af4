#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pipeline/diagnostic.h"
#include "pipeline/source.h"

namespace slipway::pipeline {

/// Dockerfiles: text in, instructions and findings out. Spec: Dockerfile reference as of frontend 1.20.

enum class InstructionKind {
  kAdd,
  kArg,
  kCmd,
  kCopy,
  kEntrypoint,
  kEnv,
  kExpose,
  kFrom,
  kHealthcheck,
  kLabel,
  kMaintainer,
  kOnbuild,
  kRun,
  kShell,
  kStopsignal,
  kUser,
  kVolume,
  kWorkdir
};

/// `--name=value`; flags are checked by name and kind, values are as written.
struct InstructionFlag {
  std::string name;
  std::string value;
  bool has_value = false;
  Span span;
};

struct Heredoc {
  std::string name;     ///< The delimiter, without quotes.
  std::string content;  ///< Tabs already stripped for `<<-`.
  bool expand = true;   ///< False for a quoted delimiter.
};

struct Assignment {
  std::string name;  ///< As written.
  /// As written, quotes and all; nothing: ARG without a default.
  std::optional<std::string> value;
  bool legacy = false;  ///< `ENV name value`
};

/// One instruction. Nothing is expanded: expand_instruction() does that where the reference says so.
struct Instruction {
  InstructionKind kind = InstructionKind::kRun;
  std::string keyword;  ///< As written.
  std::vector<InstructionFlag> flags;
  /// Exec form: its elements. ADD, COPY: sources that are no heredocs, and the destination last; VOLUME, EXPOSE, SHELL:
  /// all words; FROM: the image; USER, WORKDIR, STOPSIGNAL, MAINTAINER: one; HEALTHCHECK: "NONE", or "CMD" and then
  /// words or the shell line. RUN, CMD, ENTRYPOINT in shell form: the line, one element (none when it is empty).
  std::vector<std::string> words;
  bool exec_form = false;
  std::vector<Assignment> assignments;  ///< ENV, LABEL, ARG.
  std::string stage_name;               ///< FROM … AS name, lower case.
  std::vector<Heredoc> heredocs;     ///< RUN: all of its line; ADD, COPY: those that are sources.
  std::vector<Instruction> trigger;  ///< ONBUILD: exactly one, which has the heredocs.
  std::string text;      ///< Behind keyword and flags, continuations joined; no heredocs.
  std::string original;  ///< The same with keyword and flags, as BuildKit shows it.
  std::vector<std::string> comments;  ///< The comment lines before it.
  bool empty_continuation = false;    ///< An empty line inside it, which is deprecated.
  Span span;                          ///< All its lines, heredocs included.
  int text_end_line = 0;              ///< Its last line without heredocs.

  const InstructionFlag* flag(std::string_view name) const;
  std::vector<std::string> flag_values(std::string_view name) const;
};

struct DockerStage {
  Instruction from;
  std::vector<Instruction> instructions;
};

struct Dockerfile {
  SourceSet sources;  ///< One file.
  char escape = '\\';
  std::string syntax;                            ///< Of the directive; accepted and not used.
  std::vector<std::string> skip_checks;          ///< check=skip=…; "all" is one.
  std::vector<std::string> experimental_checks;  ///< check=experimental=…
  bool checks_are_errors = false;                ///< check=error=true
  std::vector<Instruction> global_args;          ///< Before the first FROM.
  std::vector<DockerStage> stages;
  std::vector<Diagnostic> diagnostics;  ///< Of the parser: errors (then nothing must be built).
};

/// Bounds: 1 MiB, 10,000 instructions, 64 KiB a flag. Goes on behind an error, to find more.
Dockerfile parse_dockerfile(SourceFile file);
/// A trigger of a base image ("RUN make"), or `--change` of commit and import.
Result<Instruction> parse_instruction(std::string_view text, char escape = '\\');

// --- expansion ------------------------------------------------------------------------------------------------------

/// The value of a variable, or nothing when it is not set.
using VariableLookup = std::function<std::optional<std::string>(std::string_view name)>;
/// `$x ${x} ${x:-w} … ${x//p/r}`, quotes removed. An error of `${x:?e}` or bad syntax is kInvalid. `unset` collects the
/// names that had no value, when given.
Result<std::string> expand_word(std::string_view word, char escape, const VariableLookup& lookup,
                                std::vector<std::string>* unset = nullptr);
/// The same, and then split at unquoted blanks (EXPOSE, VOLUME).
Result<std::vector<std::string>> expand_words(std::string_view text, char escape,
                                              const VariableLookup& lookup);
/// In an unquoted heredoc of COPY or ADD: quotes stay.
Result<std::string> expand_heredoc(std::string_view text, char escape,
                                   const VariableLookup& lookup);

// --- `.dockerignore` and other pattern lists ----------------------------------------------------------------------

/// Go's filepath.Match with `**`; the last match wins, `!` takes back.
/// Spec: Dockerfile reference, ".dockerignore file".
class IgnorePatterns {
 public:
  static Result<IgnorePatterns> parse(std::string_view text);  ///< A `.dockerignore` file's text.
  static Result<IgnorePatterns> of(const std::vector<std::string>& patterns);  ///< --exclude
  IgnorePatterns();
  /// A path is left out as well when a folder above it is. Relative, '/'-separated, clean.
  bool ignores(std::string_view path) const;
  /// False when nothing below an ignored folder `path` can be taken back: a walker need not look there.
  bool may_include_below(std::string_view path) const;
  bool empty() const;
  bool has_exceptions() const;      ///< Whether there is a '!'.
  bool ignores_everything() const;  ///< Whether "*" or the like is among them.

 private:
  struct Pattern;
  std::shared_ptr<const std::vector<Pattern>> patterns_;
};
/// Go's filepath.Match, as COPY's sources use it (no `**`). kInvalid: a bad pattern.
Result<bool> match_path(std::string_view pattern, std::string_view path);

}  // namespace slipway::pipeline
