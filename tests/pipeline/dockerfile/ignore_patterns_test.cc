// Ignore files and patterns of sources: what they match, and what they refuse.
#include <gtest/gtest.h>

#include "pipeline/dockerfile.h"

namespace slipway::pipeline {
namespace {

struct Case {
  const char* patterns;  // an ignore file
  const char* path;
  bool ignored;
};

class Ignores : public ::testing::TestWithParam<Case> {};

TEST_P(Ignores, LikeTheReference) {
  const auto patterns = IgnorePatterns::parse(GetParam().patterns);
  ASSERT_TRUE(patterns) << patterns.error().text();
  EXPECT_EQ(patterns->ignores(GetParam().path), GetParam().ignored)
      << GetParam().patterns << " on " << GetParam().path;
}

constexpr Case kCases[] = {
    {"a", "a", true},
    {"a", "b", false},
    {"a", "a/b/c", true},
    {"a", "ab", false},
    {"a", "b/a", false},
    {"/a/", "a", true},
    {"./a//b/../c", "a/c", true},
    {"  a  ", "a", true},
    {"#a", "#a", false},
    {" #a", "#a", true},
    {"\xEF\xBB\xBF"
     "a\r\nb\r\n",
     "b", true},
    {"\xEF\xBB\xBF"
     "a",
     "a", true},
    {".", "a", false},
    {"*", "a/b", true},
    {"*.md", "x.md", true},
    {"*.md", "d/x.md", false},
    {"*/*.md", "d/x.md", true},
    {"d?", "d1/x", true},
    {"d?", "d/x", false},
    {"**", "a/b", true},
    {"**/x", "x", true},
    {"**/x", "a/b/x", true},
    {"**/x", "a/bx", false},
    {"**x", "a/bx", true},
    {"**/*.o", "a.o", true},
    {"**/*.o", "a/b/c.o", true},
    {"a/**", "a", false},
    {"a/**", "a/b/c", true},
    {"a**", "ab/c", true},
    {"a/**/z", "a/z", true},
    {"a/**/z", "a/b/c/z", true},
    {"a/**/z", "a/bz", false},
    {"**/a/**", "x/a/y", true},
    {"**/a/**", "x/ab/y", false},
    {"**/a/**/b/*.c", "q/a/w/e/b/x.c", true},
    {"a**/b", "axy/b", true},
    {"a**b", "acd/b", true},
    {"[a-c]x", "bx", true},
    {"[^a-c]x", "bx", false},
    {"[^a-c]x", "dx", true},
    {"[a\\-c]x", "-x", true},
    {"a\\*", "a*", true},
    {"a\\*", "ab", false},
    {"a.b", "axb", false},
    {"a(b)+{c}|$^", "a(b)+{c}|$^", true},
    {"a|b", "a", false},
    {"한?어", "한국어", true},
    {"caf\xE9", "caf\xE9", true},
    {"caf\xE9", "caf\xE8", false},
    {"caf?*", "caf\xE9/a", true},
    {"*\n!a", "a", false},
    {"*\n!a", "b", true},
    {"*\n!a/b", "a/b/c", false},
    {"*\n!a/b", "a/x", true},
    {"!a\n*", "a", true},
    {"a\n!a/b\na/b/c", "a/b/d", false},
    {"a\n!a/b\na/b/c", "a/b/c", true},
    {"*.md\n!README*.md\nREADME-secret.md", "README.md", false},
    {"*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true},
    {"! a", "a", false},
    {"**\n!**/*.go", "x/y.go", false},
    {"**\n!**/*.go", "x/y.c", true},
    {"a", ".", false},
    {"*", "", false},
};
INSTANTIATE_TEST_SUITE_P(Table, Ignores, ::testing::ValuesIn(kCases));

TEST(IgnorePatterns, SayWhatIsWrong) {
  for (const char* bad : {"!", "a\n ! ", "[", "[]a]", "[a-", "a\\", "[-x]", "[a", "[a-]"})
    EXPECT_FALSE(IgnorePatterns::parse(bad)) << bad;
  EXPECT_FALSE(IgnorePatterns::of({std::string(5000, 'a')}));
  EXPECT_FALSE(IgnorePatterns::of(std::vector<std::string>(10'001, "a")));
}

TEST(IgnorePatterns, KnowWhereNothingComesBack) {
  const auto below = [](const char* text, const char* folder) {
    return IgnorePatterns::parse(text)->may_include_below(folder);
  };
  EXPECT_FALSE(below("node_modules", "node_modules"));
  EXPECT_FALSE(below("*\n!src", "node_modules"));
  EXPECT_TRUE(below("*\n!src/a/b", "src"));
  EXPECT_TRUE(below("*\n!src/a/b", "src/a"));
  EXPECT_FALSE(below("*\n!src/a/b", "src/b"));
  EXPECT_TRUE(below("*\n!src/a/b", "src/a/b/c"));
  EXPECT_TRUE(below("*\n!**/*.go", "any/where"));
  EXPECT_TRUE(below("*\n!*/x", "any"));
  EXPECT_FALSE(below("*\n!*/x", "any/y"));
  EXPECT_TRUE(IgnorePatterns::parse("a\n!b")->has_exceptions());
  EXPECT_TRUE(IgnorePatterns().empty());
  EXPECT_TRUE(IgnorePatterns::parse("# nothing\n\n")->empty());
}

TEST(IgnorePatterns, ManyStarsAreNoTrap) {
  std::string pattern;
  for (int i = 0; i < 500; ++i) pattern += "**/*a";
  const auto patterns = IgnorePatterns::of({pattern + "b"});
  ASSERT_TRUE(patterns);
  std::string path(4000, 'a');
  path += "/b";
  EXPECT_FALSE(patterns->ignores(path));
}

struct MatchCase {
  const char* pattern;
  const char* path;
  bool match;
};
class MatchPath : public ::testing::TestWithParam<MatchCase> {};

TEST_P(MatchPath, LikeGo) {
  const auto match = match_path(GetParam().pattern, GetParam().path);
  ASSERT_TRUE(match) << match.error().text();
  EXPECT_EQ(*match, GetParam().match) << GetParam().pattern << " on " << GetParam().path;
}

constexpr MatchCase kMatches[] = {
    {"", "", true},
    {"", "a", false},
    {"abc", "abc", true},
    {"*", "abc", true},
    {"*", "a/b", false},
    {"*c", "abc", true},
    {"a*", "a", true},
    {"a*", "ab/c", false},
    {"a*/b", "abc/b", true},
    {"a*/b", "a/c/b", false},
    {"a*b*c*d", "abxbcxd", true},
    {"a*b?c*x", "abxbbxdbxebxczzx", true},
    {"a*b?c*x", "abxbbxdbxebxczzy", false},
    {"ab[c]", "abc", true},
    {"ab[b-d]", "abc", true},
    {"ab[e-g]", "abc", false},
    {"ab[^c]", "abc", false},
    {"ab[^e-g]", "abc", true},
    {"a\\*b", "a*b", true},
    {"a\\*b", "ab", false},
    {"a?b", "a한b", true},
    {"a[^a]b", "a한b", true},
    {"a???b", "a한b", false},
    {"[a-힣]", "한", true},
    {"a?b", "a/b", false},
    {"a*b", "a/b", false},
    {"[\\]a]", "]", true},
    {"[\\-]", "-", true},
    {"[x\\-]", "-", true},
    {"[x\\-]", "z", false},
    {"*x", "xxx", true},
    {"**", "a", true},
    {"**/b", "a/b", true},
    {"**/b", "a/c/b", false},
    {"a[^x]b", "a/b", true},
};
INSTANTIATE_TEST_SUITE_P(Table, MatchPath, ::testing::ValuesIn(kMatches));

TEST(MatchPath, RefusesBadPatternsWhateverThePath) {
  for (const char* bad :
       {"[", "[^", "[^bc", "a[", "[]a]", "[-]", "[x-]", "[-x]", "a\\", "[a-b-c]", "b[", "*["})
    for (const char* path : {"", "a", "abc", "x/y"})
      EXPECT_FALSE(match_path(bad, path)) << bad << " on " << path;
}

}  // namespace
}  // namespace slipway::pipeline
