// The expression language: values, operators, functions, diagnostics, bounds.
#include "pipeline/expression.h"

#include <gtest/gtest.h>

#include "tests/pipeline/expression_support.h"

namespace slipway::pipeline {
namespace {

// Files are what the globs say: hash joins them, changed knows src/, exists knows Makefile.
class FakeHost : public EvalHost {
 public:
  Result<std::string> hash_files(const std::vector<std::string>& globs) const override {
    std::string text;
    for (const std::string& glob : globs) text += glob + ";";
    return text;
  }
  Result<bool> changed(const std::vector<std::string>& globs) const override {
    return globs[0] == "src/**";
  }
  Result<bool> exists(const std::vector<std::string>& globs) const override {
    if (globs[0] == "[") return fail(ErrorCode::kInvalid, "compile glob \"[\": unclosed class");
    return globs[0] == "Makefile";
  }
};

EvalContext sample() {
  EvalContext context;
  context.roots = Value::from_json(*parse_json(R"({
    "event": "push", "branch": "main", "tag": null, "sha": "abc",
    "env": {"A": "1", "EMPTY": "", "odd name": "x"},
    "matrix": {"os": "linux", "version": 3, "list": [1, "two", {"deep": true}]},
    "steps": {"tests": {"count": "42"}},
    "needs": {"build-app": {"result": "success"}},
    "secrets": {"TOKEN": "s3cret"}
  })"));
  return context;
}

struct Row {
  const char* expression;
  const char* json;
};

void expect_values(const std::vector<Row>& rows, const EvalContext& context) {
  for (const Row& row : rows)
    EXPECT_EQ(evaluated(row.expression, context), row.json) << row.expression;
}

TEST(Expression, LiteralsAreNumbersTextsListsAndMaps) {
  expect_values({{"1", "1"},
                 {"-2.5", "-2.5"},
                 {"1e3", "1000"},
                 {"'it''s'", R"("it's")"},
                 {R"("a\n\"\u00e9\u20ac")", "\"a\\n\\\"\u00e9\u20ac\""},
                 {"true", "true"},
                 {"null", "null"},
                 {"[1, 'a', [null]]", R"([1,"a",[null]])"},
                 {"[]", "[]"},
                 {"{}", "{}"},
                 {"{a: 1, 'b c': {d: 2}}", R"({"a":1,"b c":{"d":2}})"}},
                EvalContext());
}

TEST(Expression, MissingMembersAreNullAtAnyDepth) {
  expect_values({{"env.NOPE", "null"},
                 {"steps.none.output", "null"},
                 {"steps['tests'].count", "\"42\""},
                 {"needs.build-app.result", "\"success\""},
                 {"env['odd name']", "\"x\""},
                 {"matrix.list[1]", "\"two\""},
                 {"matrix.list[2].deep", "true"},
                 {"matrix.list[9]", "null"},
                 {"matrix.list[-1]", "null"},
                 {"matrix.list[0.5]", "null"},
                 {"inputs.level", "null"},
                 {"[5, 6][1]", "6"},
                 {"{a: {b: 7}}.a.b", "7"}},
                sample());
}

TEST(Expression, AndAndOrGiveTheirOperands) {
  expect_values({{"'' || 'fallback'", "\"fallback\""},
                 {"env.A && 'yes' || 'no'", "\"yes\""},
                 {"env.EMPTY && 'yes' || 'no'", "\"no\""},
                 {"null && env.A.nonsense", "null"},
                 {"1 || env.A.nonsense", "1"},
                 {"!env.EMPTY", "true"},
                 {"!!matrix.list", "true"},
                 {"![]", "true"},
                 {"!0", "true"}},
                sample());
}

TEST(Expression, PrecedenceIsThatOfC) {
  expect_values({{"false && false || true", "true"},
                 {"true || false && false", "true"},
                 {"1 < 2 && 3 >= 3", "true"},
                 {"!true == false", "true"},
                 {"false ? 1 : true ? 2 : 3", "2"},
                 {"(true ? 0 : 1) ? 'a' : 'b'", "\"b\""},
                 {"'a' in ['a'] && true", "true"}},
                EvalContext());
}

TEST(Expression, ATextEqualsAnotherScalarThatReadsTheSame) {
  expect_values({{"matrix.version == '3'", "true"},
                 {"steps.tests.count == 42", "true"},
                 {"tag == ''", "true"},
                 {"tag == null", "true"},
                 {"'true' == true", "true"},
                 {"1 == true", "false"},
                 {"null == false", "false"},
                 {"'A' == 'a'", "false"},
                 {"[1, {a: 2}] == [1, {a: 2}]", "true"},
                 {"[1] == '[1]'", "false"},
                 {"branch != 'main'", "false"}},
                sample());
}

TEST(Expression, OrdersNumbersAndTexts) {
  expect_values({{"steps.tests.count > 9", "true"},
                 {"'b' > 'a'", "true"},
                 {"'10' < '9'", "true"},
                 {"2 >= 2", "true"},
                 {"1 < 'a'", "error: 10:7: cannot compare number with string by \"<\""},
                 {"null < 1", "error: 10:10: cannot compare null with number by \"<\""},
                 {"true <= false", "error: 10:10: cannot compare bool with bool by \"<=\""}},
                sample());
}

TEST(Expression, InLooksIntoListsMapsAndTexts) {
  expect_values({{"'two' in matrix.list", "true"},
                 {"'1' in matrix.list", "true"},
                 {"'os' in matrix", "true"},
                 {"'ai' in branch", "true"},
                 {"'x' in tag", "false"},
                 {"[1] in 'x'", "error: 10:9: cannot compare list with string by \"in\""},
                 {"1 in true", "error: 10:7: cannot compare number with bool by \"in\""}},
                sample());
}

TEST(Expression, TypeErrorsNamePlaceAndTypes) {
  expect_values({{"branch.name", "error: 10:12: cannot take member \"name\" of a string"},
                 {"true\n && matrix.version[0]", "error: 11:23: cannot index number with number"},
                 {"matrix['list']['x']", "error: 10:19: cannot index list with string"},
                 {"lower(matrix)", "error: 10:5: lower(): argument 1 must be a string, got map"}},
                sample());
}

TEST(Expression, TextFunctions) {
  expect_values(
      {{"contains(branch, 'ai')", "true"},
       {"contains(matrix.list, 1)", "true"},
       {"contains(matrix, 'os')", "true"},
       {"contains(tag, 'x')", "false"},
       {"startsWith(branch, 'ma') && endsWith(branch, 'in')", "true"},
       {"matches(branch, '^m[a-z]+$')", "true"},
       {"matches(branch, 'x')", "false"},
       {"format('{0}-{1}-{0} {{}}', 'a', 2)", R"("a-2-a {}")"},
       {"format('{1}', 1)", "error: 10:5: format(): there is no argument for {1}"},
       {"format('{', 1)",
        "error: 10:5: format(): \"{\" begins no placeholder, write {{ for a brace"},
       {"format('}')", "error: 10:5: format(): a single \"}\", write }} for a brace"},
       {"join(matrix.list, '|')", R"("1|two|{\"deep\":true}")"},
       {"join(['a', 'b'])", R"("a,b")"},
       {"split('a,b,', ',')", R"(["a","b",""])"},
       {"split('', ',')", "[]"},
       {"split('a', '')", "error: 10:5: split(): the separator is empty"},
       {"lower('ABc') + ''",
        "parse: 10:18: unexpected \"+\" in expression | join texts with "
        "format('{0}{1}', a, b) or by writing two ${{ }} side by side\n"},
       {"upper('abC')", R"("ABC")"},
       {"replace('a.b.c', '.', '::')", R"("a::b::c")"},
       {"replace('a', '', 'x')", "error: 10:5: replace(): the text to be replaced is empty"},
       {"default(tag, 'none')", R"("none")"},
       {"default(env.EMPTY, 1)", "1"},
       {"default(branch, 1)", R"("main")"}},
      sample());
}

TEST(Expression, JsonGoesInAndOut) {
  expect_values({{"fromJSON('{\"a\": [1, null]}').a[0]", "1"},
                 {"toJSON(matrix.list)", R"("[1,\"two\",{\"deep\":true}]")"},
                 {"fromJSON(toJSON(matrix)) == matrix", "true"}},
                sample());
  EXPECT_NE(
      evaluated("fromJSON('{')", EvalContext()).find("error: 10:5: fromJSON(): parse json: 1:2"),
      std::string::npos);
}

TEST(Expression, FileFunctionsAskTheHost) {
  EXPECT_EQ(evaluated("exists('Makefile')", EvalContext()),
            "error: 10:5: exists(): files are not known at this place");
  const FakeHost host;
  EvalContext context;
  context.host = &host;
  expect_values({{"hash('a', ['b', 'c'])", R"("a;b;c;")"},
                 {"changed('src/**')", "true"},
                 {"exists('Makefile')", "true"},
                 {"exists('[')", "error: 10:5: exists(): compile glob \"[\": unclosed class"},
                 {"hash([1])", "error: 10:5: hash(): a pattern in a list must be a string"}},
                context);
}

TEST(Expression, StatusFunctionsFollowTheState) {
  const char* const text = "[success(), failure(), always(), cancelled()]";
  EvalContext context;
  EXPECT_EQ(evaluated(text, context), "[true,false,true,false]");
  context.state = RunState::kFailure;
  EXPECT_EQ(evaluated(text, context), "[false,true,true,false]");
  context.state = RunState::kCancelled;
  EXPECT_EQ(evaluated(text, context), "[false,false,true,true]");
}

TEST(Expression, TellsWhatItRefersTo) {
  std::vector<Diagnostic> found;
  const auto expression = parse_quietly(
      "needs.a.result == needs['b'].result || needs[matrix.x] && needs.a && !failure()", found);
  ASSERT_TRUE(expression);
  EXPECT_EQ(expression->references("needs"), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(expression->uses_root("matrix"));
  EXPECT_FALSE(expression->uses_root("env"));
  EXPECT_TRUE(expression->asks_status());
  EXPECT_FALSE(parse_quietly("branch == 'failure()'", found)->asks_status());
}

TEST(Expression, UnknownNamesGetASuggestionAtTheirPlace) {
  EXPECT_EQ(parse_errors("brnach == 'x'"),
            "10:5: unknown context \"brnach\" | did you mean \"branch\"?\n");
  EXPECT_EQ(parse_errors("true &&\n  contians(tag, 'x')"),
            "11:7: unknown function \"contians\" | did you mean \"contains\"?\n");
  EXPECT_EQ(parse_errors("github.ref"),
            "10:5: unknown context \"github\" | its values stand directly: branch, "
            "tag, sha, ref, event, actor, repository\n");
  EXPECT_EQ(parse_errors("hashFiles('x')"),
            "10:5: unknown function \"hashFiles\" | the function is called hash: "
            "hash('package-lock.json')\n");
  EXPECT_EQ(parse_errors("always"),
            "10:5: function \"always\" needs parentheses | write always()\n");
  EXPECT_EQ(parse_errors("foo.a || bar.b").substr(0, 34), "10:5: unknown context \"foo\" | know");
}

TEST(Expression, SyntaxErrorsPointAtTheToken) {
  EXPECT_EQ(parse_errors(""),
            "10:5: empty expression | write a value, for example ${{ branch }}\n");
  EXPECT_EQ(parse_errors("1 ="), "10:7: unexpected \"=\" in expression | compare with \"==\"\n");
  EXPECT_EQ(parse_errors("(1"), "10:7: unexpected end of expression, expected \")\"\n");
  EXPECT_EQ(parse_errors("1 2"), "10:7: unexpected \"2\", expected end of expression\n");
  EXPECT_EQ(parse_errors("env."),
            "10:9: unexpected end of expression, expected a name after \".\"\n");
  EXPECT_EQ(parse_errors("'abc"), "10:5: unclosed ' in expression\n");
  EXPECT_EQ(parse_errors("\"a\\x\"").substr(0, 35), "10:7: unknown escape in \"…\" | kno");
  EXPECT_EQ(parse_errors("12ab").substr(0, 30), "10:5: invalid number \"12ab\" | ");
  EXPECT_EQ(parse_errors("1 < 2 < 3"),
            "10:11: comparisons cannot be chained | join two comparisons with \"&&\" or use "
            "parentheses\n");
  EXPECT_EQ(parse_errors("lower()"),
            "10:5: function \"lower\" does not take 0 arguments | write lower(text)\n");
  EXPECT_EQ(parse_errors("\x1b[1m"), "10:5: unexpected \"\\x1b\" in expression\n");
  EXPECT_EQ(parse_errors("é").substr(0, 25), "10:5: unexpected \"é\" in ");
}

TEST(Expression, ABadPatternIsFoundBeforeAnythingRuns) {
  EXPECT_EQ(parse_errors("matches(branch, '(')"),
            "10:21: compile regular expression: missing ): (\n");
}

TEST(Expression, SecretsStandOnlyWhereTheyStaySecret) {
  EXPECT_EQ(parse_errors("secrets.X", ExpressionPlace::kEnvValue), "");
  EXPECT_EQ(parse_errors("secrets.X", ExpressionPlace::kWith), "");
  for (const ExpressionPlace place :
       {ExpressionPlace::kCondition, ExpressionPlace::kName, ExpressionPlace::kRun}) {
    EXPECT_NE(parse_errors("toJSON(secrets)", place).find("10:12: secrets cannot be used in"),
              std::string::npos);
  }
}

TEST(Expression, AConditionMayBeMarked) {
  std::vector<Diagnostic> found;
  const auto marked = parse_quietly("  ${{ branch == '}}' }} ", found, ExpressionPlace::kCondition);
  ASSERT_TRUE(marked) << describe(found);
  EXPECT_EQ(marked->text(), "branch == '}}'");
  EXPECT_EQ(marked->span().column, 11);
  EXPECT_NE(parse_errors("${{ true }} && false", ExpressionPlace::kCondition), "");
}

TEST(Expression, BoundsTextAndDepth) {
  EXPECT_NE(parse_errors(std::string(5000, '1')).find("longer than 4096 bytes"), std::string::npos);
  EXPECT_EQ(parse_errors(std::string(49, '(') + "1" + std::string(49, ')')), "");
  for (const std::string& deep : {std::string(2000, '('), std::string(4000, '!') + "1",
                                  std::string(2000, '['), std::string(600, '{'), "env" + [] {
                                    std::string text;
                                    for (int i = 0; i < 900; ++i) text += ".a";
                                    return text;
                                  }()}) {
    EXPECT_NE(parse_errors(deep), "") << deep.substr(0, 10);
  }
  std::string chain = "1";
  for (int i = 0; i < 500; ++i) chain += " && 1";
  EXPECT_EQ(parse_errors(chain), "");
}

TEST(Expression, BoundsWhatAnEvaluationBuilds) {
  EvalContext context;
  context.roots.set("env", Value(Value::Map{{"BIG", std::string(1 << 20, 'x')}}));
  EXPECT_NE(evaluated("replace(env.BIG, 'x', env.BIG)", context).find("longer than 1 MiB"),
            std::string::npos);
  EXPECT_NE(evaluated("split(env.BIG, 'x')", context).find("longer than 10000 items"),
            std::string::npos);
  EXPECT_NE(evaluated("format('{0}{0}', env.BIG)", context).find("longer than 1 MiB"),
            std::string::npos);
  std::string many = "[env.BIG";
  for (int i = 0; i < 100; ++i) many += ",env.BIG";
  EXPECT_NE(evaluated(many + "][0]", context).find("take more than 16"), std::string::npos);
  EXPECT_NE(evaluated("matches(env.BIG, '(x{900}){900}')", context).find("regular expression"),
            std::string::npos);
}

TEST(Value, NumbersHaveTheShortestText) {
  EXPECT_EQ(Value(100000.0).to_text(), "100000");
  EXPECT_EQ(Value(0.1).to_text(), "0.1");
  EXPECT_EQ(Value(-3).to_text(), "-3");
  EXPECT_EQ(Value(1e300).to_text(), "1e+300");
  EXPECT_EQ(Value().to_text(), "");
  EXPECT_EQ(Value(Value::List{1, "a"}).to_text(), R"([1,"a"])");
}

}  // namespace
}  // namespace slipway::pipeline
