#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pipeline/diagnostic.h"
#include "pipeline/value.h"

namespace slipway::pipeline {

/// What an expression may ask of the world outside; the pipeline room itself touches no disk.
class EvalHost {
 public:
  virtual ~EvalHost() = default;
  /// Hex digest over names and bytes of all workspace files that match; empty string when none does.
  virtual Result<std::string> hash_files(const std::vector<std::string>& globs) const = 0;
  virtual Result<bool> changed(const std::vector<std::string>& globs) const = 0;
  virtual Result<bool> exists(const std::vector<std::string>& globs) const = 0;
};

/// How things stand where success(), failure(), always() and cancelled() are asked.
enum class RunState { kSuccess, kFailure, kCancelled };

struct EvalContext {
  Value
      roots;  ///< Map: event branch tag sha ref repository actor inputs env matrix steps needs job run agent secrets.
  RunState state = RunState::kSuccess;
  const EvalHost* host = nullptr;  ///< nullptr: hash(), changed() and exists() are errors here.
};

/// Where an expression stands; decides which contexts it may use (secrets: only kEnvValue and kWith).
enum class ExpressionPlace { kCondition, kEnvValue, kWith, kName, kRun };

/// A parsed expression; immutable, cheap to copy. Grammar: docs/expressions.md.
class Expression {
 public:
  struct Node;
  /// `text` without `${{ }}` (a kCondition may have them). `span` is the place of its first byte; later lines are taken
  /// to begin in the same column, as those of a block scalar do. Errors go to `out`; nullopt if any.
  static std::optional<Expression> parse(std::string_view text, Span span, ExpressionPlace place,
                                         std::vector<Diagnostic>& out);
  /// An error's text begins with its place in the file, `line:column: ` (1:1 is the text's start without a valid span).
  Result<Value> evaluate(const EvalContext& context) const;
  const std::string& text() const { return text_; }
  Span span() const { return span_; }
  /// Names used directly under a root: references("needs") of `needs.a.result == needs['b'].result` is {a, b}; computed
  /// names (`needs[matrix.x]`) are not known here.
  std::vector<std::string> references(std::string_view root) const;
  /// True when it calls success(), failure(), always() or cancelled(): it then replaces the implied success().
  bool asks_status() const;
  bool uses_root(std::string_view root) const;

 private:
  friend struct ExpressionBuilder;
  std::shared_ptr<const Node> root_;
  std::string text_;
  Span span_;
};

/// Text with `${{ … }}` parts; `$${{` stands for a literal `${{`. A template that is one single expression keeps that
/// expression's type; otherwise the parts' texts are joined (at most 1 MiB).
class Template {
 public:
  struct Part {
    std::string literal;  ///< Used when `expression` is empty.
    std::optional<Expression> expression;
  };
  Template() = default;
  explicit Template(std::string literal);
  static std::optional<Template> parse(std::string_view text, Span span, ExpressionPlace place,
                                       std::vector<Diagnostic>& out);
  Result<Value> evaluate(const EvalContext& context) const;
  Result<std::string> evaluate_text(const EvalContext& context) const;
  bool is_literal() const;  ///< No expression inside.
  bool empty() const { return parts_.empty(); }
  const std::string& source() const { return source_; }
  const std::vector<Part>& parts() const { return parts_; }
  bool uses_root(std::string_view root) const;

 private:
  std::vector<Part> parts_;
  std::string source_;
};

/// A `run:` script. Expressions never become shell text: each is replaced by a reference to an environment
/// variable that holds its value (quoted so that the value stays one datum where the author quoted it).
struct ScriptVariable {
  std::string name;  ///< "SLIPWAY_EXPR_1"
  Expression expression;
};
struct Script {
  std::string text;    ///< What the shell gets.
  std::string source;  ///< What the author wrote; shown to people.
  std::vector<ScriptVariable> variables;
  bool empty() const { return source.empty(); }
};
/// Follows sh quoting ('…', "…", \, comments, here-documents, `$(…)`): outside of quotes the reference brings its own
/// double quotes, so that a value is always one word. Expressions in comments are left alone. An error, with help,
/// is an expression where the shell would not see the value (a quoted here-document) or would take it for code
/// (arithmetic).
std::optional<Script> parse_script(std::string_view text, Span span, std::vector<Diagnostic>& out);
/// The same for the script of `shell`; one that does not quote as sh does ("python") may hold no expression at all.
std::optional<Script> parse_script(std::string_view text, Span span, std::string_view shell,
                                   std::vector<Diagnostic>& out);
/// "", "sh", "bash", "/bin/dash", … ; false: "python", "node", ….
bool quotes_like_sh(std::string_view shell);

}  // namespace slipway::pipeline
