// Targets, queries and docker's idea of true.
#include "web/http/request.h"

#include <gtest/gtest.h>

namespace slipway::web {
namespace {

TEST(RequestTarget, IsSplitIntoPathAndDecodedQuery) {
  const auto request = parse_target("GET", "/v1.41/images/a%2Fb/json?x=1+2&y=%2F&z&x=3&&=e");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->path, "/v1.41/images/a%2Fb/json");
  EXPECT_EQ(request->param("x"), "1 2");
  EXPECT_EQ(request->params("x"), (std::vector<std::string>{"1 2", "3"}));
  EXPECT_EQ(request->param("y"), "/");
  EXPECT_TRUE(request->has_param("z"));
  EXPECT_FALSE(request->has_param("w"));
  EXPECT_EQ(request->param("w", "none"), "none");
}

TEST(RequestTarget, IsRefusedWhenItCannotBeDecoded) {
  for (const char* target : {"/x?a=%", "/x?a=%4", "/x?a=%zz", "/x?%00=1", "/x?a=%00"})
    EXPECT_FALSE(parse_target("GET", target)) << target;
}

TEST(RequestFlag, IsTrueAsInDocker) {
  const auto request =
      parse_target("GET", "/?a=1&b=true&c=True&d=yes&e=0&f=false&g=no&h=none&i=&j=FALSE");
  ASSERT_TRUE(request);
  for (const char* name : {"a", "b", "c", "d"}) EXPECT_TRUE(request->flag(name)) << name;
  for (const char* name : {"e", "f", "g", "h", "i", "j"}) EXPECT_FALSE(request->flag(name)) << name;
  EXPECT_TRUE(request->flag("missing", true));
}

}  // namespace
}  // namespace slipway::web
