// Scripts: an expression reaches the shell as data, in every state of quoting, in real shells.
#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "base/text.h"
#include "tests/pipeline/expression_support.h"
#include "tests/support/shell.h"

namespace slipway::pipeline {
namespace {

using testing::run_shell;
using testing::ShellRun;

std::string rewritten(std::string_view source) {
  std::vector<Diagnostic> found;
  const std::optional<Script> script = parse_script(source, kPlace, found);
  return script ? script->text : "parse: " + describe(found);
}

// @ in these rows stands for the expression `branch` in scripts, for its value in outputs.
std::string filled(std::string_view row, const std::string& filling) {
  std::string text;
  for (const char c : row) c == '@' ? text += filling : text += c;
  return text;
}
std::string with_marks(std::string_view row) { return filled(row, "${{ branch }}"); }

struct QuotingCase {
  const char* name;
  const char* script;   ///< @ is the expression.
  const char* printed;  ///< @ is the value.
  bool only_bash = false;
};

// Every state of quoting that the follower knows.
const std::vector<QuotingCase> kCases{
    {"plain word", "printf '<%s>' @", "<@>"},
    {"glued word", "printf '<%s>' a@b@", "<a@b@>"},
    {"double quotes", "printf '<%s>' \"a @ b\"", "<a @ b>"},
    {"single quotes", "printf '<%s>' 'a @ b'", "<a @ b>"},
    {"single quotes alone", "printf '<%s>' '@'", "<@>"},
    {"assignment", "x=@; printf '<%s>' \"$x\"", "<@>"},
    {"command substitution", "printf '<%s>' \"$(printf '%s.' @)\"", "<@.>"},
    {"substitution in plain text", "x=$(printf '%s.' @); printf '<%s>' \"$x\"", "<@.>"},
    {"double in substitution in double", "printf '<%s>' \"a$(printf '%s.' \"b@\")c\"", "<ab@.c>"},
    {"single in substitution in double", "printf '<%s>' \"a$(printf '%s.' 'b@')c\"", "<ab@.c>"},
    {"backticks", "x=`printf '%s.' @`; printf '<%s>' \"$x\"", "<@.>"},
    {"backticks in double quotes", "printf '<%s>' \"`printf %s. @`\"", "<@.>"},
    {"here-document", "cat <<EOF\n<@>\nEOF\nprintf end", "<@>\nend"},
    {"here-document with tabs", "cat <<-EOF\n\t<@>\n\tEOF\nprintf end", "<@>\nend"},
    {"two here-documents", "cat <<A; cat <<B\n1@\nA\n2@\nB\nprintf '%s' @", "1@\n2@\n@"},
    {"quotes in a here-document", "cat <<EOF\n'@' \"@\"\nEOF\nprintf '%s' '@'", "'@' \"@\"\n@"},
    {"substitution in a here-document", "cat <<EOF\n$(printf '%s.' @)\nEOF", "@.\n"},
    {"here-document in a substitution", "x=$(cat <<EOF\n<@>.\nEOF\n); printf '%s' \"$x\"", "<@>."},
    {"quoted here-document before", "cat <<'EOF'\n$x \"'\nEOF\nprintf '<%s>' @", "$x \"'\n<@>"},
    {"comment before", "# it's \"so `\nprintf '<%s>' @", "<@>"},
    {"hash within a word", "printf '<%s>' a#'@'", "<a#@>"},
    {"default of a variable", "printf '<%s>' ${none:-@}", "<@>"},
    {"default in double quotes", "printf '<%s>' \"${none:-@}\"", "<@>"},
    {"default with quotes in it", "printf '<%s>' \"${none:-\"@\"}\"", "<@>"},
    {"escaped quotes", "printf '<%s>' \\\"@\\' \"\\\"@\"", "<\"@'><\"@>"},
    {"case pattern in a substitution", "printf '<%s>' \"$(case a in a) printf '%s.' @;; esac)@\"",
     "<@.@>"},
    {"case word", "case @ in @) printf 'yes%s' @;; *) printf no;; esac", "yes@"},
    {"subshell", "(printf '<%s>' @)", "<@>"},
    {"function", "f() { printf '<%s>' \"$1\" @; }; f '@'", "<@><@>"},
    {"continued line", "printf '<%s>' \\\n  @", "<@>"},
    {"after arithmetic", "printf '<%s>' $((1 + (2))) @", "<3><@>"},
    {"for loop", "for x in a @; do printf '<%s>' \"$x\"; done", "<a><@>"},
    {"redirection", "{ printf '<%s>' @; } 2>/dev/null", "<@>"},
    {"ansi quotes", "printf '<%s>' $'a\\'@\\''", "<a'@'>", true},
    {"here-string", "cat <<< @", "@\n", true},
    {"double brackets", "[[ @ == '@' && -n @ ]] && printf '%s' @", "@", true},
    {"array", "a=(x @ 'y@'); printf '<%s>' \"${a[0]}\" \"${a[1]}\" \"${a[2]}\"", "<x><@><y@>",
     true},
    {"process substitution", "cat <(printf '%s.' @)", "@.", true},
    {"arithmetic command before", "((1 + (1))) && printf '%s' @", "@", true},
};

// Values that do harm wherever they are taken for shell text.
const std::vector<std::string> kHostile{"$(touch pwned)",
                                        "`touch pwned`",
                                        "; touch pwned;",
                                        "' ; touch pwned ; '",
                                        "\" ; touch pwned ; \"",
                                        "a  b\tc",
                                        "*",
                                        "line\ntouch pwned\nEOF\ntouch pwned",
                                        "${IFS}$HOME\\",
                                        "a]; touch pwned; [",
                                        "'\"'\"`\\$(touch pwned)",
                                        "-n",
                                        "}}",
                                        "x[$(touch pwned)]",
                                        "& touch pwned &",
                                        "| touch pwned",
                                        "~",
                                        "!!",
                                        "$'\\x27; touch pwned'",
                                        "\xF0\x9F\x9A\xA2 \x01\x7F"};

class ScriptInShell : public ::testing::Test {
 protected:
  void SetUp() override {
    Result<TempDir> made = TempDir::make("/tmp", "slipway-script");
    ASSERT_TRUE(made) << made.error().text();
    dir_ = std::move(*made);
  }

  // The script's output with `branch` standing for `value`; nothing may have been executed by it.
  std::string run(const std::vector<std::string>& shell, const std::string& source,
                  const std::string& value) {
    std::vector<Diagnostic> found;
    const std::optional<Script> script = parse_script(source, kPlace, found);
    if (!script) return "parse: " + describe(found);
    EvalContext context;
    context.roots.set("branch", value);
    std::map<std::string, std::string> env;
    for (const ScriptVariable& variable : script->variables) {
      env[variable.name] = variable.expression.evaluate(context)->to_text();
    }
    const ShellRun result = run_shell(shell, script->text, env, dir_->path());
    EXPECT_EQ(result.exit_code, 0) << shell[0] << ": " << script->text << "\n" << result.out;
    EXPECT_EQ(list_dir(open_file(dir_->path(), O_RDONLY | O_DIRECTORY)->get(), "cwd")->size(), 0U)
        << shell[0] << " executed the value in: " << script->text;
    return result.out;
  }

  void expect_data(const QuotingCase& one, const std::vector<std::string>& shell) {
    for (const std::string& value : kHostile) {
      const std::string out = run(shell, with_marks(one.script), value);
      EXPECT_EQ(printable(out), printable(filled(one.printed, value)))
          << shell[0] << ", " << one.name << ", " << rewritten(with_marks(one.script));
    }
  }

  std::optional<TempDir> dir_;
};

TEST_F(ScriptInShell, ValuesArriveUnchangedInBash) {
  for (const QuotingCase& one : kCases) expect_data(one, {"bash", "--noprofile", "--norc"});
}

TEST_F(ScriptInShell, ValuesArriveUnchangedInDash) {
  for (const QuotingCase& one : kCases) {
    if (!one.only_bash) expect_data(one, {"dash"});
  }
}

TEST_F(ScriptInShell, ValuesArriveUnchangedInBusybox) {
  for (const QuotingCase& one : kCases) {
    if (!one.only_bash) expect_data(one, {"busybox", "sh"});
  }
}

TEST_F(ScriptInShell, TheMarkItselfCanBePrinted) {
  for (const char* shell : {"bash", "dash"}) {
    EXPECT_EQ(run({shell}, "printf '%s' '$${{ x }}'", ""), "${{ x }}");
    EXPECT_EQ(run({shell}, "printf '%s' \"$${{ x }}\"", ""), "${{ x }}");
    EXPECT_EQ(run({shell}, "printf '%s' $${{x}}", ""), "${{x}}");
    EXPECT_EQ(run({shell}, "cat <<EOF\n$${{ x }}\nEOF", ""), "${{ x }}\n");
    EXPECT_EQ(run({shell}, "cat <<'EOF'\n$${{ x }}\nEOF", ""), "${{ x }}\n");
  }
}

TEST(Script, TextWithoutExpressionsStaysAsItIs) {
  const std::string text =
      "set -e\ncat <<'A' | tr a b # \"\n`'\"\nA\ncase x in (a|b) echo $((1<<2));; esac\n";
  EXPECT_EQ(rewritten(text), text);
  EXPECT_EQ(rewritten(""), "");
}

TEST(Script, TheSameExpressionSharesAVariable) {
  std::vector<Diagnostic> found;
  const auto script = parse_script("echo ${{ branch }} ${{sha}} '${{branch}}'", kPlace, found);
  ASSERT_TRUE(script);
  EXPECT_EQ(script->text,
            "echo \"${SLIPWAY_EXPR_1}\" \"${SLIPWAY_EXPR_2}\" ''\"${SLIPWAY_EXPR_1}\"''");
  ASSERT_EQ(script->variables.size(), 2U);
  EXPECT_EQ(script->variables[1].name, "SLIPWAY_EXPR_2");
  EXPECT_EQ(script->variables[1].expression.text(), "sha");
  EXPECT_EQ(script->source, "echo ${{ branch }} ${{sha}} '${{branch}}'");
}

TEST(Script, CommentsAreLeftAlone) {
  EXPECT_EQ(rewritten("true # ${{ nonsense }\necho ${{ branch }}"),
            "true # ${{ nonsense }\necho \"${SLIPWAY_EXPR_1}\"");
}

struct RefusedCase {
  const char* script;
  const char* finding;
};

TEST(Script, RefusesPlacesWhereTheValueIsLostOrBecomesCode) {
  const std::vector<RefusedCase> rows{
      {"cat <<'EOF'\n${{ branch }}\nEOF",
       "11:5: an expression cannot stand in a quoted here-document"},
      {"cat <<\\EOF\na ${{ branch }}\nEOF",
       "11:7: an expression cannot stand in a quoted here-document"},
      {"cat <<${{ branch }}\n", "10:11: an expression cannot name the end"},
      {"echo $((1 + ${{ branch }}))", "10:17: an expression cannot stand in arithmetic"},
      {"echo $((1 + \"${{ branch }}\"))", "10:18: an expression cannot stand in arithmetic"},
      {"echo \"$[${{ branch }}]\"", "10:13: an expression cannot stand in arithmetic"},
      {"((x = ${{ branch }}))", "10:11: an expression cannot stand in arithmetic"},
      {"if ((${{ branch }} > 1)); then :; fi", "10:10: an expression cannot stand in arithmetic"},
      {"for ((i=0; i<${{ branch }}; i++)); do :; done",
       "10:18: an expression cannot stand in arithmetic"},
      {"a[${{ branch }}]=1", "10:7: an expression cannot stand in arithmetic"},
      {"echo ${a[${{ branch }}]}", "10:14: an expression cannot stand in arithmetic"},
      {"echo \"${a:${{ branch }}:1}\"", "10:15: an expression cannot stand in arithmetic"},
      {"[[ 1 -eq ${{ branch }} ]]", "10:14: an expression cannot stand in an arithmetic [[ ]]"},
      {"[[ '${{ branch }}' -lt 1 ]] && x",
       "10:9: an expression cannot stand in an arithmetic [[ ]]"},
      {"echo \\${{ branch }}", "10:11: a backslash does not escape"},
      {"echo \"\\${{ branch }}\"", "10:12: a backslash does not escape"},
      {"echo ${{ branch", "10:10: unclosed \"${{\""},
      {"echo ${{ secrets.X }}", "10:14: secrets cannot be used in a script"},
      {"echo\n  ${{ brnch }}", "11:11: unknown context \"brnch\" | did you mean"},
  };
  for (const RefusedCase& row : rows) {
    const std::string found = rewritten(row.script);
    EXPECT_EQ(found.substr(0, 7 + std::string(row.finding).size()),
              "parse: " + std::string(row.finding))
        << row.script;
  }
}

TEST(Script, ArithmeticThatIsNoneIsNotRefused) {
  EXPECT_EQ(rewritten("x=$((echo ${{ branch }}) | (cat))").find("parse"), std::string::npos);
  EXPECT_EQ(rewritten("( (echo ${{ branch }}))").find("parse"), std::string::npos);
  EXPECT_EQ(rewritten("[ 1 -eq ${{ branch }} ]").find("parse"), std::string::npos);
  EXPECT_EQ(rewritten("echo $((1 + $(echo ${{ branch }})))").find("parse"), std::string::npos);
}

TEST(Script, OtherLanguagesGetNoExpressions) {
  std::vector<Diagnostic> found;
  EXPECT_FALSE(parse_script("print('${{ branch }}')\n", kPlace, "python3", found));
  EXPECT_EQ(describe(found),
            "10:12: an expression cannot stand in a script of \"python3\" | pass it with env: { "
            "NAME: ${{ … }} } and "
            "read NAME from the environment\n");
  const auto plain = parse_script("print('$${{ x }}')", kPlace, "python3", found);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->text, "print('${{ x }}')");
  EXPECT_TRUE(quotes_like_sh(""));
  EXPECT_TRUE(quotes_like_sh("/usr/bin/bash"));
  EXPECT_FALSE(quotes_like_sh("node"));
}

TEST(Script, DeepNestingIsBounded) {
  const auto repeated = [](const char* piece, int count) {
    std::string text;
    for (int i = 0; i < count; ++i) text += piece;
    return text + "${{ branch }}";
  };
  for (const char* piece : {"\"$(", "${a:-", "\"`", "$((", "<(", "$[", "cat <<A\n$("}) {
    const std::string text = repeated(piece, 20'000);
    const std::string found = rewritten(text);
    EXPECT_TRUE(found.starts_with("parse: ") || found.find("SLIPWAY_EXPR_1") != std::string::npos)
        << piece;
  }
}

}  // namespace
}  // namespace slipway::pipeline
