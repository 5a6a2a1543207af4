// Words with quotes and variables in them.
#include <gtest/gtest.h>

#include <map>

#include "pipeline/dockerfile.h"

namespace slipway::pipeline {
namespace {

using Variables = std::map<std::string, std::string, std::less<>>;

VariableLookup from(const Variables& variables) {
  return [&variables](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

struct Case {
  const char* word;
  const char* result;  // "!" and a part of the error, or the text
};

const Variables& variables() {
  static const Variables all = {
      {"HOME_DIR", "/srv"},    {"EMPTY", ""},        {"KIND", "fast"},     {"FILE", "a.tar.gz"},
      {"URL", "http://x/y/z"}, {"STARS", "a**b"},    {"KOREAN", "한국어"}, {"SPACED", " a  b "},
      {"UP", "xxyyxx"},        {"PATTERN", "*.tar"}, {"SLASHES", "/a/b/"}, {"ODD", "()[]{}^$.|+"}};
  return all;
}

class ExpandWord : public ::testing::TestWithParam<Case> {};

TEST_P(ExpandWord, DoesWhatTheReferenceSays) {
  const Case& test = GetParam();
  const auto result = expand_word(test.word, '\\', from(variables()));
  const std::string_view expected = test.result;
  if (!expected.empty() && expected[0] == '!') {
    ASSERT_FALSE(result) << test.word << " gave " << *result;
    EXPECT_NE(result.error().text().find(expected.substr(1)), std::string::npos)
        << result.error().text();
    EXPECT_EQ(result.error().code(), ErrorCode::kInvalid);
  } else {
    ASSERT_TRUE(result) << test.word << ": " << result.error().text();
    EXPECT_EQ(*result, expected) << test.word;
  }
}

constexpr Case kQuotes[] = {
    {"", ""},
    {"plain", "plain"},
    {"a b", "a b"},
    {"a'b c'd", "ab cd"},
    {"a'b", "!missing closing '"},
    {"a\"b", "!missing closing \""},
    {R"(a\'b)", "a'b"},
    {R"(a\\'b)", "!missing closing '"},
    {R"(a\tb)", "atb"},
    {R"("a\tb")", R"(a\tb)"},
    {R"("a\\tb")", R"(a\tb)"},
    {R"('a\tb')", R"(a\tb)"},
    {R"('a\\tb')", R"(a\\tb)"},
    {R"(end\)", "end"},
    {R"(end\\)", R"(end\)"},
    {R"('end\')", R"(end\)"},
    {R"("end\")", "!missing closing \""},
    {R"("end\)", "!missing closing \""},
    {R"("it's")", "it's"},
    {R"('say "it"')", R"(say "it")"},
    {R"("''")", "''"},
    {R"("a\"b")", "a\"b"},
    {R"(한'국'어)", "한국어"},
    {R"(한\국)", "한국"},
    {R"('한)", "!missing closing '"},
    {"a<b", "a<b"},
    {"a << b", "a << b"},
};
INSTANTIATE_TEST_SUITE_P(Quotes, ExpandWord, ::testing::ValuesIn(kQuotes));

constexpr Case kNames[] = {
    {"$KIND", "fast"},
    {"a$KIND.b", "afast.b"},
    {"a${KIND}b", "afastb"},
    {"a$KINDb", "a"},
    {"$kind", ""},
    {"$KOREAN!", "한국어!"},
    {"한$KIND", "한fast"},
    {"\"$KIND\"", "fast"},
    {"'$KIND'", "$KIND"},
    {"\"'$KIND'\"", "'fast'"},
    {R"(\$KIND)", "$KIND"},
    {R"(\\$KIND)", R"(\fast)"},
    {R"("\$KIND")", "$KIND"},
    {R"("\\$KIND")", R"(\fast)"},
    {R"('\$KIND')", R"(\$KIND)"},
    {R"(\${KIND})", "${KIND}"},
    {R"(a\${}b)", "a${}b"},
    {"$", "$"},
    {"$.", "$."},
    {"a$ b", "a$ b"},
    {"$1a", "a"},
    {"$12a", "a"},
    {"${1}a", "a"},
    {"${12:-x}", "x"},
    {"${12:+x}", ""},
    {"$001a", "a"},
    {"$@@", "@"},
    {"$*x", "x"},
    {"$#", ""},
    {"$?", ""},
    {"$-", ""},
    {"$$", ""},
    {"$!", ""},
    {"$0", ""},
    {"${@}", ""},
    {"${@:-x}", "x"},
    {"${*:-x}", "x"},
    {"${#}", ""},
    {"${#:-x}", "x"},
    {"${?:-x}", "x"},
    {"${-:-x}", "x"},
    {"${$:-x}", "x"},
    {"${!:-x}", "x"},
    {"${}", "!must be followed by a name"},
    {"${{KIND}}", "!must be followed by a name"},
    {"${:}", "!must be followed by a name"},
    {"${:-x}", "!must be followed by a name"},
    {"${", "!missing '}'"},
    {"${KIND", "!missing '}'"},
    {"${KIND}}", "fast}"},
    {"${.}", "!unsupported modifier"},
    {"${KIND=x}", "!unsupported modifier"},
    {"${KIND:=x}", "!unsupported modifier"},
    {"${KIND:x}", "!unsupported modifier"},
    {"${KIND:", "!missing '}'"},
};
INSTANTIATE_TEST_SUITE_P(Names, ExpandWord, ::testing::ValuesIn(kNames));

constexpr Case kDefaults[] = {
    {"${NONE:-x}", "x"},
    {"${NONE-x}", "x"},
    {"${EMPTY:-x}", "x"},
    {"${EMPTY-x}", ""},
    {"${KIND:-x}", "fast"},
    {"${KIND-x}", "fast"},
    {"${NONE:+x}", ""},
    {"${NONE+x}", ""},
    {"${EMPTY:+x}", ""},
    {"${EMPTY+x}", "x"},
    {"${KIND:+x}", "x"},
    {"${KIND+x}", "x"},
    {"${KIND?}", "fast"},
    {"${KIND:?no}", "fast"},
    {"${EMPTY?no}", ""},
    {"${EMPTY:?}", "!EMPTY is not allowed to be empty"},
    {"${EMPTY:?say $KIND}", "!EMPTY: say fast"},
    {"${EMPTY?}", ""},
    {"${NONE?}", "!NONE is not allowed to be unset"},
    {"${NONE:?}", "!NONE is not allowed to be unset"},
    {"${NONE?say $KIND}", "!NONE: say fast"},
    {"a${NONE:-$KIND}b", "afastb"},
    {"a${NONE:-${OTHER:-${KIND}}}b", "afastb"},
    {"${NONE:-${OTHER:-x}}", "x"},
    {"${KIND:+${KIND}:}/bin", "fast:/bin"},
    {R"(${NONE:-\$KIND:})", "$KIND:"},
    {R"(${NONE:-\${KIND}z})", "${KINDz}"},
    {"${NONE:-'a b'}", "a b"},
    {"${NONE:-\"}\"}", "}"},
    {"${NONE:-a {b}", "a {b"},
    {"${NONE:-a}}", "a}"},
    {"${NONE:-a", "!missing '}'"},
    {"${NONE:-a ${KIND}", "!missing '}'"},
    {"${NONE-${OTHER?stop here}}", "!OTHER: stop here"},
    {"app-${KIND}${VARIANT:+-${VARIANT}}.tar", "app-fast.tar"},
};
INSTANTIATE_TEST_SUITE_P(Defaults, ExpandWord, ::testing::ValuesIn(kDefaults));

constexpr Case kPatterns[] = {
    {"${FILE%.*}", "a.tar"},
    {"${FILE%%.*}", "a"},
    {"${FILE#*.}", "tar.gz"},
    {"${FILE##*.}", "gz"},
    {"${FILE#}", "a.tar.gz"},
    {"${FILE##}", "a.tar.gz"},
    {"${FILE%}", "a.tar.gz"},
    {"${FILE%%}", "a.tar.gz"},
    {"${FILE#b}", "a.tar.gz"},
    {"${FILE%b}", "a.tar.gz"},
    {"${FILE#?}", ".tar.gz"},
    {"${FILE%??}", "a.tar."},
    {"${FILE%$PATTERN*}", "a"},
    {"${FILE#*}", "a.tar.gz"},
    {"${FILE##*}", ""},
    {"${FILE%%*}", ""},
    {"${UP#*x*y}", "yxx"},
    {"${UP##x*y}", "xx"},
    {"${UP%y*}", "xxy"},
    {"${UP%%y*}", "xx"},
    {R"(${STARS%\**})", "a*"},
    {R"(${STARS%%\**})", "a"},
    {R"(${STARS#a\*})", "*b"},
    {R"(${STARS/\*/.})", "a.*b"},
    {R"(${STARS//\*/.})", "a..b"},
    {R"(${ODD#()[]{\}^})", "$.|+"},
    {R"(${KIND#\q})", "!a backslash may stand before"},
    {"${FILE:#a}", "!unsupported modifier"},
    {"${FILE:%%a}", "!unsupported modifier"},
    {"${KOREAN#?}", "국어"},
    {"${KOREAN%?}", "한국"},
    {"${KOREAN/국/-}", "한-어"},
    {"${URL/http:\\/\\//https:\\/\\/}", "https:\\/\\/x/y/z"},
    {"${URL#http://}", "x/y/z"},
    {"${URL/x/w}", "http://w/y/z"},
    {R"(${URL//\//_})", "http:__x_y_z"},
    {R"(${SLASHES/\/?\//-})", "-b/"},
    {R"(${SLASHES//\//})", "ab"},
    {"${UP/x/z}", "zxyyxx"},
    {"${UP//x/z}", "zzyyzz"},
    {"${UP//x}", "!missing '/'"},
    {"${UP/}", "!missing '/'"},
    {"${UP///}", "xxyyxx"},
    {"${UP/$EMPTY/w}", "wxxyyxx"},
    {"${NONE//a/b}", ""},
    {"${NONE#a}", ""},
    {"${UP//x*/z}", "z"},
    {"${UP/y*x/-}", "xx-"},
    {"${UP//?/ab}", "abababababab"},
};
INSTANTIATE_TEST_SUITE_P(Patterns, ExpandWord, ::testing::ValuesIn(kPatterns));

TEST(ExpandWord, OtherEscapeCharacterLeavesBackslashesAlone) {
  EXPECT_EQ(*expand_word(R"(c:\dir\$KIND)", '`', from(variables())), R"(c:\dir\fast)");
  EXPECT_EQ(*expand_word("`$KIND \"`$KIND\"", '`', from(variables())), "$KIND $KIND");
}

TEST(ExpandWord, CollectsTheNamesWithoutValueOnce) {
  std::vector<std::string> unset;
  ASSERT_TRUE(expand_word("$A ${KIND} ${B:-$C} $A", '\\', from(variables()), &unset));
  EXPECT_EQ(unset, (std::vector<std::string>{"A", "C", "B"}));
}

TEST(ExpandWord, BoundsDepthAndLength) {
  std::string deep = "x";
  for (int i = 0; i < 200; ++i) deep = "${N:-" + deep + "}";
  EXPECT_FALSE(expand_word(deep, '\\', from(variables())));
  const Variables big = {{"B", std::string(60'000, 'b')}};
  std::string many;
  for (int i = 0; i < 40; ++i) many += "$B";
  const auto result = expand_word(many, '\\', from(big));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kExhausted);
}

TEST(ExpandWords, SplitsAtBlanksThatAreNotQuoted) {
  const auto words = [](std::string_view text) {
    return *expand_words(text, '\\', from(variables()));
  };
  using List = std::vector<std::string>;
  EXPECT_EQ(words("a"), List{"a"});
  EXPECT_EQ(words("a  b\tc "), (List{"a", "b", "c"}));
  EXPECT_EQ(words("a${NONE}b"), List{"ab"});
  EXPECT_EQ(words("x${KIND:-y}z"), List{"xfastz"});
  EXPECT_EQ(words("x${SPACED}y"), (List{"x", "a", "b", "y"}));
  EXPECT_EQ(words("x\"${SPACED}\"y"), List{"x a  b y"});
  EXPECT_EQ(words("'a b' \"c d\""), (List{"a b", "c d"}));
  EXPECT_EQ(words(R"(a\ b)"), List{"a b"});
  EXPECT_EQ(words("\" a \""), List{" a "});
  EXPECT_EQ(words("\"\" a"), List{"a"});
  EXPECT_EQ(words(""), List{});
  EXPECT_FALSE(expand_words("a\" b", '\\', from(variables())));
}

TEST(ExpandHeredoc, KeepsQuotesAndTakesVariables) {
  EXPECT_EQ(
      *expand_heredoc("say \"$KIND\" 'and ${NONE:-x}' it's \\$KIND\n", '\\', from(variables())),
      "say \"fast\" 'and x' it's $KIND\n");
}

}  // namespace
}  // namespace slipway::pipeline
