// Texts with ${{ … }} parts.
#include <gtest/gtest.h>

#include "tests/pipeline/expression_support.h"

namespace slipway::pipeline {
namespace {

EvalContext sample() {
  EvalContext context;
  context.roots.set("branch", "main");
  context.roots.set("matrix", Value(Value::Map{{"n", 3}, {"list", Value::List{1, 2}}}));
  return context;
}

std::string text_of(std::string_view source) {
  std::vector<Diagnostic> found;
  const std::optional<Template> parsed =
      Template::parse(source, kPlace, ExpressionPlace::kEnvValue, found);
  if (!parsed) return "parse: " + describe(found);
  const Result<std::string> text = parsed->evaluate_text(sample());
  return text ? *text : "error: " + text.error().text();
}

std::string value_of(std::string_view source) {
  std::vector<Diagnostic> found;
  const std::optional<Template> parsed =
      Template::parse(source, kPlace, ExpressionPlace::kEnvValue, found);
  return parsed ? parsed->evaluate(sample())->to_json().dump() : "parse: " + describe(found);
}

TEST(Template, JoinsTextsAndValues) {
  EXPECT_EQ(text_of("a ${{ branch }}-${{matrix.n}} z"), "a main-3 z");
  EXPECT_EQ(text_of("${{ branch }}${{ branch }}"), "mainmain");
  EXPECT_EQ(text_of(""), "");
  EXPECT_EQ(text_of("plain $x {{ y }} ${z}"), "plain $x {{ y }} ${z}");
}

TEST(Template, OneExpressionAloneKeepsItsType) {
  EXPECT_EQ(value_of("${{ matrix.n }}"), "3");
  EXPECT_EQ(value_of("${{ matrix.list }}"), "[1,2]");
  EXPECT_EQ(value_of(" ${{ matrix.n }}"), "\" 3\"");
  EXPECT_EQ(value_of("text"), "\"text\"");
}

TEST(Template, ClosingMarksInLiteralsDoNotClose) {
  EXPECT_EQ(text_of("${{ 'a }} b' }}!"), "a }} b!");
  EXPECT_EQ(text_of("${{ \"a \\\" }} b\" }}!"), "a \" }} b!");
  EXPECT_EQ(value_of("${{ {a: {b: 1}}}}"), R"({"a":{"b":1}})");
}

TEST(Template, TwoDollarsStandForTheMarkItself) {
  EXPECT_EQ(text_of("$${{ x }} and ${{ branch }}"), "${{ x }} and main");
  EXPECT_EQ(text_of("$$${{ x }}"), "$${{ x }}");
  EXPECT_EQ(value_of("$${{ x }}"), "\"${{ x }}\"");
}

TEST(Template, MistakesAreReportedAtTheirPlaces) {
  EXPECT_EQ(text_of("ab ${{ branch }"),
            "parse: 10:8: unclosed \"${{\" | close it with \"}}\", or write \"$${{\" for "
            "the three characters themselves\n");
  EXPECT_EQ(text_of("one ${{ brnch }}\n  two ${{ tg }}"),
            "parse: 10:13: unknown context \"brnch\" | did you mean \"branch\"?\n"
            "11:15: unknown context \"tg\" | did you mean \"tag\"?\n");
  EXPECT_EQ(text_of("${{ 'it }} b"), "parse: 10:9: unclosed ' in expression\n");
}

TEST(Template, AnEvaluationErrorKeepsItsPlace) {
  EXPECT_EQ(text_of("x\n ${{ branch.y }}"), "error: 11:17: cannot take member \"y\" of a string");
}

TEST(Template, ALiteralIsKnownAsOne) {
  const Template literal("host");
  EXPECT_TRUE(literal.is_literal());
  EXPECT_EQ(literal.source(), "host");
  EXPECT_TRUE(Template("").empty());
  std::vector<Diagnostic> found;
  const auto parsed = Template::parse("a${{ env.X }}", kPlace, ExpressionPlace::kEnvValue, found);
  EXPECT_FALSE(parsed->is_literal());
  EXPECT_TRUE(parsed->uses_root("env"));
  EXPECT_FALSE(parsed->uses_root("matrix"));
}

TEST(Template, LinearInTextsFullOfMarks) {
  std::string text;
  while (text.size() < 200'000) text += "${{'}}";
  EXPECT_TRUE(text_of(text).starts_with("}}${{}}${{"));
}

}  // namespace
}  // namespace slipway::pipeline
