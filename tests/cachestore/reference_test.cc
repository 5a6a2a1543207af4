// Image names: docker's grammar and its errors.
#include "cachestore/reference.h"

#include <gtest/gtest.h>

namespace slipway::cachestore {
namespace {

const std::string kHex(64, 'a');

struct Good {
  const char* text;
  const char* canonical;
  const char* familiar;
};

TEST(Reference, ReadsWhatDockerReads) {
  const Good cases[] = {
      {"alpine", "docker.io/library/alpine:latest", "alpine:latest"},
      {"alpine:3.19", "docker.io/library/alpine:3.19", "alpine:3.19"},
      {"user/app", "docker.io/user/app:latest", "user/app:latest"},
      {"docker.io/alpine", "docker.io/library/alpine:latest", "alpine:latest"},
      {"index.docker.io/user/app:1", "docker.io/user/app:1", "user/app:1"},
      {"localhost/app", "localhost/app:latest", "localhost/app:latest"},
      {"localhost:5000/a/b/c:tag", "localhost:5000/a/b/c:tag", "localhost:5000/a/b/c:tag"},
      {"ghcr.io/o/a__b-c.d:V1_x-2", "ghcr.io/o/a__b-c.d:V1_x-2", "ghcr.io/o/a__b-c.d:V1_x-2"},
      {"[::1]:5000/a", "[::1]:5000/a:latest", "[::1]:5000/a:latest"},
      {"Host/app", "Host/app:latest", "Host/app:latest"},
      {"a---b", "docker.io/library/a---b:latest", "a---b:latest"},
      {"docker.io/library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"},
  };
  for (const Good& good : cases) {
    const auto reference = Reference::parse(good.text);
    ASSERT_TRUE(reference) << good.text << ": " << reference.error().text();
    EXPECT_EQ(reference->canonical(), good.canonical);
    EXPECT_EQ(reference->familiar(), good.familiar);
    const auto again = Reference::parse(reference->canonical());
    ASSERT_TRUE(again) << good.text;
    EXPECT_EQ(*again, *reference);
    const auto short_again = Reference::parse(reference->familiar());
    ASSERT_TRUE(short_again) << good.text;
    EXPECT_EQ(*short_again, *reference) << good.text;
  }
}

TEST(Reference, KeepsDigestWithAndWithoutTag) {
  const auto bare = Reference::parse("alpine@sha256:" + kHex);
  ASSERT_TRUE(bare);
  EXPECT_EQ(bare->tag, "");
  EXPECT_EQ(bare->digest->hex(), kHex);
  const auto both = Reference::parse("alpine:3@sha256:" + kHex);
  ASSERT_TRUE(both);
  EXPECT_EQ(both->tag, "3");
  EXPECT_EQ(both->familiar(), "alpine:3@sha256:" + kHex);
}

struct Bad {
  std::string text;
  const char* cause;
};

TEST(Reference, SaysWhatIsWrong) {
  const Bad cases[] = {
      {"", "it is empty"},
      {"Foo", "parse image name \"Foo\": repository must be lower case"},
      {"a//b", "empty part between slashes"},
      {"/a", "empty part between slashes"},
      {"a/", "empty part between slashes"},
      {"a:", "tag is empty"},
      {":tag", "repository is missing"},
      {"a:b:c", "'"},
      {"a:-x", "tag must begin"},
      {"a:" + std::string(129, 't'), "longer than 128"},
      {std::string(256, 'a'), "longer than 255"},
      {"-a", "must begin and end"},
      {"a-", "must begin and end"},
      {"a..b", "is not a separator"},
      {"a___b", "is not a separator"},
      {"a b", "' ' is not allowed"},
      {std::string("a\x1b[31m"), "\\x1b"},
      {"a@sha256:12", "64 hex digits"},
      {"a@md5:" + kHex, "sha256"},
      {"host:0/a", "port must be 1 to 65535"},
      {"host:99999/a", "port must be"},
      {"-host.x/a", "is not a registry host"},
      {"a.b-/c", "is not a registry host"},
      {"[::g]:1/a", "is not a registry host"},
      {kHex, "an image id, not a name"},
      {"../etc", "is not a registry host"},
      {"a/../b", "must begin and end"},
  };
  for (const Bad& bad : cases) {
    const auto reference = Reference::parse(bad.text);
    ASSERT_FALSE(reference) << bad.text;
    EXPECT_EQ(reference.error().code(), ErrorCode::kInvalid) << bad.text;
    EXPECT_NE(reference.error().text().find(bad.cause), std::string::npos)
        << bad.text << " -> " << reference.error().text();
  }
}

}  // namespace
}  // namespace slipway::cachestore
