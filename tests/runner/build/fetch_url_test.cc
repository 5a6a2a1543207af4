// ADD of a URL: what is asked of the server, what is believed of it, and who sees credentials.
#include <atomic>

#include "runner/build/context.h"
#include "tests/runner/build/tree_fixture.h"
#include "tests/support/fake_http_server.h"

namespace slipway::runner {
namespace {

class BuildFetchUrl : public TreeTest {
 protected:
  void SetUp() override {
    TreeTest::SetUp();
    auto opened = cachestore::Store::open({path("store"), {}, true});
    ASSERT_TRUE(opened) << opened.error().text();
    store_ = *std::move(opened);
  }
  Result<FetchedUrl> fetch(const std::string& url, const std::string& checksum = "",
                           const std::string& authorization = "") const {
    return fetch_url(*store_, url, checksum, {authorization}, CancelToken());
  }
  std::shared_ptr<cachestore::Store> store_;
};

TEST_F(BuildFetchUrl, KeepsWhatHasNotChanged) {
  std::atomic<int> version = 1;
  testing::FakeHttpServer server([&](const testing::FakeRequest& request) {
    const std::string tag = "\"v" + std::to_string(version) + "\"";
    if (request.header("if-none-match") == tag) return testing::FakeAnswer{304};
    testing::FakeAnswer answer{200, {}, "body " + std::to_string(version)};
    answer.header("ETag", tag).header("Last-Modified", "Sun, 09 Sep 2001 01:46:40 GMT");
    return answer;
  });
  const std::string url = server.url() + "/dir/file.txt?signature=secret";
  const auto first = fetch(url);
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_EQ(first->name, "file.txt");
  EXPECT_EQ(read(first->path), "body 1");
  ASSERT_TRUE(first->modified);
  EXPECT_EQ(std::chrono::system_clock::to_time_t(*first->modified), 1'000'000'000);
  const auto again = fetch(url);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->digest, first->digest);
  EXPECT_EQ(again->modified, first->modified);
  EXPECT_EQ(server.count(), 2U);
  version = 2;
  const auto changed = fetch(url);
  ASSERT_TRUE(changed);
  EXPECT_EQ(read(changed->path), "body 2");
}

TEST_F(BuildFetchUrl, ChecksumDecidesAndSavesTheRequest) {
  testing::FakeHttpServer server([](const testing::FakeRequest&) {
    return testing::FakeAnswer{200, {}, "content"};
  });
  const std::string url = server.url() + "/x";
  const std::string right = Digest::of("content").str();
  const auto wrong = fetch(url, Digest::of("other").str());
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code(), ErrorCode::kCorrupt);
  EXPECT_NE(wrong.error().text().find(right), std::string::npos);
  ASSERT_TRUE(fetch(url, right));
  EXPECT_EQ(server.count(), 2U);
  ASSERT_TRUE(fetch(url, right));
  EXPECT_EQ(server.count(), 2U) << "it is here";
  EXPECT_FALSE(fetch(url, "md5:123"));
}

TEST_F(BuildFetchUrl, CredentialsGoToTheirHostOnly) {
  testing::FakeHttpServer other([](const testing::FakeRequest&) {
    return testing::FakeAnswer{200, {}, "moved"};
  });
  testing::FakeHttpServer server([&](const testing::FakeRequest&) {
    testing::FakeAnswer answer{302};
    answer.header("Location", other.url() + "/there");
    return answer;
  });
  const auto fetched = fetch(server.url() + "/x", "", "Bearer TOKEN");
  ASSERT_TRUE(fetched) << fetched.error().text();
  EXPECT_EQ(read(fetched->path), "moved");
  EXPECT_EQ(server.requests().at(0).header("authorization"), "Bearer TOKEN");
  EXPECT_EQ(other.requests().at(0).header("authorization"), "");
}

TEST_F(BuildFetchUrl, LoopsAndMissingFilesAreErrorsWithoutTheQuery) {
  testing::FakeHttpServer server([](const testing::FakeRequest& request) {
    testing::FakeAnswer answer{request.path == "/loop" ? 301 : 404};
    answer.header("Location", "/loop");
    return answer;
  });
  const auto loop = fetch(server.url() + "/loop");
  ASSERT_FALSE(loop);
  EXPECT_NE(loop.error().text().find("more than 10 redirects"), std::string::npos);
  const auto missing = fetch(server.url() + "/none?token=SECRET");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().text().find("SECRET"), std::string::npos);
}

TEST_F(BuildFetchUrl, CutTransfersAreTriedAgainWhole) {
  testing::FakeHttpServer server([](const testing::FakeRequest&) {
    return testing::FakeAnswer{200, {}, std::string(100'000, 'x')};
  });
  server.add_rule(testing::fault::cut_body("GET", "/f", 5'000));
  const auto fetched = fetch(server.url() + "/f");
  ASSERT_TRUE(fetched) << fetched.error().text();
  EXPECT_EQ(read(fetched->path), std::string(100'000, 'x'));
}

TEST_F(BuildFetchUrl, NameOfAnAnswerIsANameOnly) {
  testing::FakeHttpServer server([](const testing::FakeRequest&) {
    testing::FakeAnswer answer{200, {}, "x"};
    answer.header("Content-Disposition", "attachment; filename=\"../../etc/passwd\"");
    return answer;
  });
  const auto fetched = fetch(server.url() + "/");
  ASSERT_TRUE(fetched);
  EXPECT_EQ(fetched->name, "passwd");
}

TEST_F(BuildFetchUrl, ContextsByUrl) {
  testing::FakeHttpServer server([](const testing::FakeRequest&) {
    return testing::FakeAnswer{200, {}, "FROM scratch\n"};
  });
  ContextRequest request;
  request.context = server.url() + "/Dockerfile";
  const auto opened = runner::open_context(*store_, request, CancelToken());
  ASSERT_TRUE(opened) << opened.error().text();
  EXPECT_EQ(opened->dockerfile.text, "FROM scratch\n");
}

}  // namespace
}  // namespace slipway::runner
