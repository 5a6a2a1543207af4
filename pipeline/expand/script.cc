// `run:` scripts: expressions become references to environment variables, never shell text.
#include <algorithm>
#include <array>
#include <map>

#include "base/text.h"
#include "pipeline/expand/scan.h"
#include "pipeline/expand/shell_text.h"

namespace slipway::pipeline {
namespace {

// How a reference is written in a place; an empty message means that it can be.
struct QuotingRow {
  Quoting quoting;
  std::string_view before;
  std::string_view after;
  std::string_view literal_mark;  ///< What shows `${{` itself there.
  std::string_view message;
  std::string_view help;
};

constexpr std::string_view kOutside =
    "take it outside first: value=${{ … }} on a line of its own, then use \"$value\" here";
constexpr std::string_view kAssignAndCheck =
    "assign it to a variable on a line of its own and check that it is a number before using it "
    "here";

constexpr std::array<QuotingRow, 10> kRows{{
    {Quoting::kNone, "\"", "\"", "\\${{", "", ""},
    {Quoting::kDouble, "", "", "\\${{", "", ""},
    {Quoting::kSingle, "'\"", "\"'", "${{", "", ""},
    {Quoting::kAnsi, "'\"", "\"$'", "${{", "", ""},
    {Quoting::kQuotedHereDoc, "", "", "${{", "an expression cannot stand in a quoted here-document",
     "write the word after << without quotes, or assign the value to a variable before"},
    {Quoting::kHereDocEnd, "", "", "${{", "an expression cannot name the end of a here-document",
     "write a fixed word after <<"},
    {Quoting::kArithmetic, "", "", "\\${{",
     "an expression cannot stand in arithmetic: the shell would run code in its value",
     kAssignAndCheck},
    {Quoting::kArithmeticTest, "", "", "\\${{",
     "an expression cannot stand in an arithmetic [[ ]]: the shell would run code in its value",
     "use [ … ] instead of [[ … ]]: it compares numbers without evaluating them"},
    {Quoting::kAfterBackslash, "", "", "${{", "a backslash does not escape \"${{\"",
     "write \"$${{\" for the three characters themselves"},
    {Quoting::kTooDeep, "", "", "${{", "an expression stands in too deeply nested quoting",
     kOutside},
}};

const QuotingRow& row_of(Quoting quoting) {
  for (const QuotingRow& row : kRows) {
    if (row.quoting == quoting) return row;
  }
  return kRows[0];
}

class ScriptBuilder : public ShellListener {
 public:
  ScriptBuilder(std::string_view text, Span span, std::vector<Diagnostic>& out)
      : text_(text), origin_(text, span), out_(out) {}

  std::optional<Script> run() {
    Script script;
    script.source = text_;
    script.text = follow_shell(text_, *this);
    script.variables = std::move(variables_);
    return failed_ ? std::nullopt : std::optional(std::move(script));
  }

  std::size_t on_mark(std::string_view text, std::size_t at, Quoting quoting,
                      std::string& out) override {
    const QuotingRow& row = row_of(quoting);
    if (text.substr(at).starts_with(kEscapedMark)) {
      out += row.literal_mark;
      return at + kEscapedMark.size();
    }
    const std::optional<MarkedPart> part = marked_part(text, at);
    if (!part) {
      // Said once: everything behind an open mark is unclosed as well.
      if (!unclosed_) report_unclosed(origin_, at, out_);
      unclosed_ = failed_ = true;
      return text.size();
    }
    if (!row.message.empty()) {
      report(at, part->next, row);
    } else if (const std::string* name = variable(*part)) {
      out.append(row.before).append("${").append(*name).append("}").append(row.after);
    }
    return part->next;
  }

  void on_trap(std::size_t at, Quoting quoting) override {
    const std::optional<MarkedPart> part = marked_part(text_, at);
    report(at, part ? part->next : at + kOpenMark.size(), row_of(quoting));
  }

 private:
  void report(std::size_t begin, std::size_t end, const QuotingRow& row) {
    failed_ = true;
    out_.push_back({Severity::kError,
                    origin_.at(begin, end),
                    std::string(row.message),
                    std::string(row.help),
                    {}});
  }

  // The variable of this expression; the same text shares one. nullptr: it does not parse.
  const std::string* variable(const MarkedPart& part) {
    std::optional<Expression> expression =
        ExpressionBuilder::build(text_, part.begin, part.end, origin_, ExpressionPlace::kRun, out_);
    if (!expression) {
      failed_ = true;
      return nullptr;
    }
    const auto [known, added] =
        names_.try_emplace(expression->text(), "SLIPWAY_EXPR_" + std::to_string(names_.size() + 1));
    if (added) variables_.push_back({known->second, std::move(*expression)});
    return &known->second;
  }

  std::string_view text_;
  TextOrigin origin_;
  std::vector<Diagnostic>& out_;
  std::vector<ScriptVariable> variables_;
  std::map<std::string, std::string> names_;
  bool unclosed_ = false;
  bool failed_ = false;
};

// Texts of other languages: no way to put a value in that is safe in all of them.
std::optional<Script> parse_foreign(std::string_view text, Span span, std::string_view shell,
                                    std::vector<Diagnostic>& out) {
  const TextOrigin origin(text, span);
  Script script;
  script.source = text;
  bool failed = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t mark = std::min(text.find(kOpenMark, at), text.size());
    const bool escaped = mark > at && mark < text.size() && text[mark - 1] == '$';
    script.text += text.substr(at, mark - at - (escaped ? 1 : 0));
    at = mark;
    if (mark == text.size()) break;
    std::size_t next = mark + kOpenMark.size();
    if (!escaped) {
      if (const std::optional<MarkedPart> part = marked_part(text, mark)) next = part->next;
      failed = true;
      out.push_back({Severity::kError,
                     origin.at(mark, next),
                     "an expression cannot stand in a script of \"" + printable(shell) + "\"",
                     "pass it with env: { NAME: ${{ … }} } and read NAME from the environment",
                     {}});
    }
    script.text += kOpenMark;
    at = next;
  }
  return failed ? std::nullopt : std::optional(std::move(script));
}

}  // namespace

bool quotes_like_sh(std::string_view shell) {
  static constexpr std::array<std::string_view, 9> kShells{"",    "sh",  "bash", "dash",   "ash",
                                                           "zsh", "ksh", "mksh", "busybox"};
  const std::size_t slash = shell.rfind('/');
  const std::string_view name = slash == std::string_view::npos ? shell : shell.substr(slash + 1);
  return std::find(kShells.begin(), kShells.end(), name) != kShells.end();
}

std::optional<Script> parse_script(std::string_view text, Span span, std::vector<Diagnostic>& out) {
  return ScriptBuilder(text, span, out).run();
}

std::optional<Script> parse_script(std::string_view text, Span span, std::string_view shell,
                                   std::vector<Diagnostic>& out) {
  return quotes_like_sh(shell) ? parse_script(text, span, out)
                               : parse_foreign(text, span, shell, out);
}

}  // namespace slipway::pipeline
