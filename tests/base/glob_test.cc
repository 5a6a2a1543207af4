// Globs of gitignore style.
#include "base/glob.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

struct Case {
  const char* pattern;
  const char* path;
  bool matches;
};

const Case kCases[] = {
    {"a", "a", true},
    {"a", "b/a", false},
    {"/a", "a", true},
    {"*.cc", "x.cc", true},
    {"*.cc", "d/x.cc", false},
    {"*", "a/b", false},
    {"**", "a/b/c", true},
    {"**/*.cc", "x.cc", true},
    {"**/*.cc", "a/b/x.cc", true},
    {"src/**", "src/a/b", true},
    {"src/**", "src", false},
    {"src/**", "srcs/a", false},
    {"a/**/b", "a/b", true},
    {"a/**/b", "a/x/y/b", true},
    {"a/**/b", "a/b/c", false},
    {"a/**/b/**/c", "a/b/b/x/c", true},
    {"a/**/b/**/c", "a/c/b", false},
    {"a**b", "axxb", true},
    {"a**b", "a/b", false},
    {"release/**", "release/1/2", true},
    {"v?.?", "v1.2", true},
    {"v?.?", "v1./", false},
    {"?", "é", true},
    {"??", "é", false},
    {"[a-c]x", "bx", true},
    {"[!a-c]x", "bx", false},
    {"[^a-c]x", "dx", true},
    {"[]-]x", "]x", true},
    {"[]-]x", "-x", true},
    {"[à-ö]", "é", true},
    {"[\\]]", "]", true},
    {"\\*", "*", true},
    {"\\*", "a", false},
    {"a*b*c", "a1b2b3c", true},
    {"a*b*c", "a1b2b3", false},
    {"*a", "aaa", true},
    {".*", ".git", true},
    {"", "x", false},
};

TEST(Glob, MatchesAsTheTableSays) {
  for (const Case& c : kCases) {
    if (*c.pattern == '\0') continue;
    const Result<Glob> glob = Glob::compile(c.pattern);
    ASSERT_TRUE(glob) << c.pattern;
    EXPECT_EQ(glob->matches(c.path), c.matches) << c.pattern << " against " << c.path;
  }
}

TEST(Glob, RefusesBrokenPatterns) {
  for (const char* bad : {"", "/", "[abc", "a/[", "x\\", "[a/b]"}) {
    const Result<Glob> glob = Glob::compile(bad);
    ASSERT_FALSE(glob) << bad;
    EXPECT_EQ(glob.error().code(), ErrorCode::kInvalid);
  }
  EXPECT_FALSE(Glob::compile(std::string(1025, 'a')));
  EXPECT_FALSE(Glob::compile(std::string_view("a\0b", 3)));
}

TEST(Glob, ManyStarsDoNotExplode) {
  std::string pattern;
  std::string path;
  for (int i = 0; i < 100; ++i) {
    pattern += "**/*a*a*a/";
    path += "aaaaaaaaaaaaaaab/";
  }
  const Glob glob = Glob::compile(pattern.substr(0, 1000) + "/z").value();
  EXPECT_FALSE(glob.matches(path + "y"));
}

TEST(Glob, TellsAWalkerWhereNothingCanMatch) {
  const Glob glob = Glob::compile("src/*/x.cc").value();
  EXPECT_TRUE(glob.may_match_below(""));
  EXPECT_TRUE(glob.may_match_below("src"));
  EXPECT_TRUE(glob.may_match_below("src/a"));
  EXPECT_FALSE(glob.may_match_below("docs"));
  EXPECT_FALSE(glob.may_match_below("src/a/x.cc"));
  const Glob deep = Glob::compile("src/**/x").value();
  EXPECT_TRUE(deep.may_match_below("src/a/b/c"));
  EXPECT_FALSE(deep.may_match_below("other"));
}

TEST(GlobList, LastMatchDecidesAndDirectoriesTakeWhatIsBelow) {
  const GlobList list = GlobList::compile({"dist", "src/**", "!**/*.o", "src/keep.o"}).value();
  EXPECT_TRUE(list.matches("dist"));
  EXPECT_TRUE(list.matches("dist/a/b"));
  EXPECT_FALSE(list.matches("dist/a/b.o"));
  EXPECT_TRUE(list.matches("src/keep.o"));
  EXPECT_FALSE(list.matches("distant"));
  EXPECT_FALSE(list.matches("other"));
  EXPECT_FALSE(GlobList::compile({"a", "!["}));
  EXPECT_TRUE(GlobList::compile({}).value().empty());
}

TEST(GlobList, TrailingSlashAndLeadingSlashAreAccepted) {
  const GlobList list = GlobList::compile({"/build/"}).value();
  EXPECT_TRUE(list.matches("build/x"));
  EXPECT_FALSE(list.matches("a/build/x"));
}

}  // namespace
}  // namespace slipway
