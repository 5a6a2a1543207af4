// Reading from registries: manifests, existence, blobs over connections that break, redirects to storage.
#include "tests/cachestore/registry/registry_fixtures.h"

namespace slipway::testing {
namespace {

using cachestore::Registry;
using ::testing::Test;

constexpr const char* kManifest = R"({"schemaVersion":2,"config":{},"layers":[]})";

TEST(RegistryManifest, IsGivenAsReceivedWithOneCommaJoinedAcceptLine) {
  FakeRegistry fake;
  const Digest digest = fake.put_manifest("app", "1", kOciManifest, kManifest);
  const auto client = open_client();
  const auto manifest = must(client->manifest(reference(fake.host() + "/app:1"), CancelToken()));
  EXPECT_EQ(manifest.bytes, kManifest);
  EXPECT_EQ(manifest.digest, digest);
  EXPECT_EQ(manifest.media_type, kOciManifest);
  ASSERT_EQ(fake.server().count(), 1U);
  const FakeRequest request = fake.server().requests()[0];
  EXPECT_EQ(std::count_if(request.headers.begin(), request.headers.end(),
                          [](const auto& line) { return line.first == "accept"; }),
            1);
  EXPECT_NE(request.header("accept").find("vnd.oci.image.index.v1+json, "), std::string::npos);
  EXPECT_EQ(request.header("user-agent").substr(0, 8), "slipway/");
  EXPECT_EQ(request.header("accept-encoding"), "identity");
  must(client->manifest(reference(fake.host() + "/app@" + digest.str()), CancelToken()));
  EXPECT_EQ(fake.server().connections(), 1U) << "connections are kept";
}

TEST(RegistryManifest, ThatDoesNotExistFailsAtOnceAndNamesIt) {
  FakeRegistry fake;
  const auto result = open_client()->manifest(reference(fake.host() + "/app:none"), CancelToken());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(result.error().text(),
            "get manifest " + fake.host() +
                "/app:none: not found (http 404): manifest unknown: manifest unknown");
  EXPECT_EQ(fake.server().count(), 1U);
}

TEST(RegistryManifest, WithAnotherDigestIsRefused) {
  FakeRegistry fake;
  const Digest digest = fake.put_manifest("app", "1", kOciManifest, kManifest);
  fake.server().add_rule(
      {.method = "GET", .times = -1, .change = [](const FakeRequest&, FakeAnswer& answer) {
         answer.body += " ";
       }});
  const auto client = open_client();
  for (const std::string& name : {"/app@" + digest.str(), std::string("/app:1")}) {
    const auto result = client->manifest(reference(fake.host() + name), CancelToken());
    EXPECT_EQ(result ? ErrorCode::kInternal : result.error().code(), ErrorCode::kCorrupt) << name;
  }
  EXPECT_EQ(fake.server().count(), 2U) << "trying again cannot help";
}

TEST(RegistryManifest, LargerThanFourMebibytesIsRefusedWhetherAnnouncedOrNot) {
  FakeRegistry fake;
  fake.put_manifest("app", "1", kOciManifest, "{" + std::string((4U << 20) + 1, ' ') + "}");
  const auto client = open_client();
  for (const bool chunked : {false, true}) {
    fake.server().add_rule(
        {.method = "GET", .change = [chunked](const FakeRequest&, FakeAnswer& answer) {
           answer.chunked = chunked;
         }});
    const auto result = client->manifest(reference(fake.host() + "/app:1"), CancelToken());
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), ErrorCode::kExhausted) << result.error().text();
  }
}

TEST(RegistryManifest, OfSchema1IsRefusedByName) {
  FakeRegistry fake;
  fake.put_manifest("old", "1", "application/vnd.docker.distribution.manifest.v1+prettyjws", "{}");
  const auto result = open_client()->manifest(reference(fake.host() + "/old:1"), CancelToken());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kUnsupported);
  EXPECT_NE(result.error().text().find("schema 1"), std::string::npos) << result.error().text();
}

TEST(RegistryManifest, ThatIsCompressedThoughNobodyAskedIsRefused) {
  FakeRegistry fake;
  fake.put_manifest("app", "1", kOciManifest, gzip(kManifest));
  fake.server().add_rule({.change = [](const FakeRequest&, FakeAnswer& answer) {
    answer.header("Content-Encoding", "gzip");
  }});
  const auto result = open_client()->manifest(reference(fake.host() + "/app:1"), CancelToken());
  EXPECT_NE(error_text(result).find("is encoded (gzip)"), std::string::npos) << error_text(result);
}

TEST(RegistryManifest, EndlessHeadersAreCutAt64KiB) {
  FakeRegistry fake;
  fake.server().add_rule(
      {.change = [](const FakeRequest&, FakeAnswer& answer) { answer.endless_headers = true; }});
  const auto result = open_client()->manifest(reference(fake.host() + "/app:1"), CancelToken());
  EXPECT_NE(error_text(result).find("headers exceed 64 KiB"), std::string::npos)
      << error_text(result);
}

TEST(RegistryLookUp, AsksByHeadAndTrustsIts404OnceItWasConfirmed) {
  FakeRegistry fake;
  const Digest digest = fake.put_manifest("app", "1", kOciManifest, kManifest);
  const auto client = open_client();
  EXPECT_FALSE(must(client->find_manifest(reference(fake.host() + "/app:0"), CancelToken())));
  EXPECT_EQ(fake.server().count(), 2U) << "HEAD, and a GET because HEAD might lie";
  const auto found = must(client->find_manifest(reference(fake.host() + "/app:1"), CancelToken()));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->digest, digest);
  EXPECT_EQ(found->size, std::string(kManifest).size());
  EXPECT_EQ(found->media_type, kOciManifest);
  EXPECT_FALSE(must(client->find_manifest(reference(fake.host() + "/app:0"), CancelToken())));
  EXPECT_EQ(fake.server().count("HEAD", ""), 3U);
  EXPECT_EQ(fake.server().count("GET", ""), 1U);
}

class RegistryLookUpWithoutHead : public ::testing::TestWithParam<int> {};

TEST_P(RegistryLookUpWithoutHead, GetsInsteadAndRemembersIt) {
  FakeRegistry fake;
  fake.change([](FakeBehaviour& how) { how.head_status = GetParam(); });
  const Digest digest = fake.put_manifest("app", "1", kOciManifest, kManifest);
  const Digest blob = fake.put_blob("app", "some bytes");
  const auto client = open_client();
  const auto name = reference(fake.host() + "/app:1");
  for (int i = 0; i < 2; ++i) {
    const auto found = must(client->find_manifest(name, CancelToken()));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->digest, digest);
    EXPECT_TRUE(must(client->has_blob(name, blob, CancelToken())));
    EXPECT_FALSE(must(client->has_blob(name, Digest::of("other"), CancelToken()))) << i;
  }
  EXPECT_LE(fake.server().count("HEAD", "manifests"), 1U);
}
INSTANTIATE_TEST_SUITE_P(Status, RegistryLookUpWithoutHead, ::testing::Values(403, 404, 405));

TEST(RegistryLookUp, NeedsNoDigestHeader) {
  FakeRegistry fake;
  fake.change([](FakeBehaviour& how) { how.digest_header = false; });
  const Digest digest = fake.put_manifest("app", "1", kOciManifest, kManifest);
  EXPECT_EQ(
      must(open_client()->find_manifest(reference(fake.host() + "/app:1"), CancelToken()))->digest,
      digest);
}

TEST(RegistryLookUp, OfBlobsIsOneHead) {
  FakeRegistry fake;
  const Digest blob = fake.put_blob("app", "some bytes");
  const auto client = open_client();
  EXPECT_TRUE(must(client->has_blob(reference(fake.host() + "/app:1"), blob, CancelToken())));
  EXPECT_FALSE(
      must(client->has_blob(reference(fake.host() + "/app:1"), Digest::of("x"), CancelToken())));
  EXPECT_EQ(fake.server().count("HEAD", "/blobs/"), 2U);
  EXPECT_EQ(fake.server().count(), 2U);
}

struct Blob {
  FakeRegistry fake;
  std::string bytes = sample_bytes(3U << 20);
  cachestore::RemoteDescriptor descriptor = descriptor_of(bytes);
  std::shared_ptr<Registry> client = open_client();
  cachestore::Reference name;

  Blob() : name(reference(fake.host() + "/app:1")) { fake.put_blob("app", bytes); }
};

TEST(RegistryFetch, GivesExactlyTheBytesFromAnOffset) {
  Blob world;
  EXPECT_EQ(must(fetch(*world.client, world.name, world.descriptor)), world.bytes);
  EXPECT_EQ(must(fetch(*world.client, world.name, world.descriptor, 1000)),
            world.bytes.substr(1000));
  EXPECT_EQ(must(fetch(*world.client, world.name, world.descriptor, world.bytes.size())), "");
  EXPECT_EQ(world.fake.server().count(), 2U) << "nothing is asked for no bytes";
  EXPECT_EQ(world.fake.server().requests()[1].header("range"), "bytes=1000-");
}

TEST(RegistryFetch, ResumesByRangeAfterCutsAndSendsNothingTwice) {
  Blob world;
  world.fake.server().add_rule(fault::cut_body("GET", "/blobs/", 1U << 20));
  world.fake.server().add_rule(fault::cut_body("GET", "/blobs/", 100'000));
  world.fake.server().add_rule(fault::drop("GET", "/blobs/"));
  EXPECT_EQ(must(fetch(*world.client, world.name, world.descriptor)), world.bytes);
  const auto requests = world.fake.server().requests();
  ASSERT_EQ(requests.size(), 4U);
  EXPECT_EQ(requests[1].header("range"), "bytes=1048576-");
  EXPECT_EQ(requests[2].header("range"), "bytes=1148576-");
  EXPECT_EQ(requests[3].header("range"), "bytes=1148576-");
}

TEST(RegistryFetch, TellsOfEachBreakWhereItStoodAndWhenItGoesOn) {
  Blob world;
  world.fake.server().add_rule(fault::cut_body("GET", "/blobs/", 1U << 20));
  world.fake.server().add_rule(fault::status("GET", "/blobs/", 503, {{"Retry-After", "0"}}));
  StringSink sink;
  must(world.client->fetch_blob(world.name, world.descriptor, 0, sink, CancelToken()));
  ASSERT_EQ(sink.retries.size(), 2U);
  EXPECT_EQ(sink.retries[0].find("after 1048576 of 3145728 bytes: " + world.fake.host() + ": "), 0U)
      << sink.retries[0];
  EXPECT_NE(sink.retries[1].find("(http 503); trying again in 0"), std::string::npos)
      << sink.retries[1];
}

TEST(RegistryFetch, SkipsWhatItHasWhenTheServerIgnoresRanges) {
  Blob world;
  world.fake.change([](FakeBehaviour& how) { how.ignores_range = true; });
  world.fake.server().add_rule(fault::cut_body("GET", "/blobs/", 1U << 20));
  EXPECT_EQ(must(fetch(*world.client, world.name, world.descriptor)), world.bytes);
  EXPECT_EQ(world.fake.server().count(), 2U);
}

TEST(RegistryFetch, BelievesNoRangeThatSkipsBytes) {
  Blob world;
  world.fake.server().add_rule(fault::cut_body("GET", "/blobs/", 1U << 20));
  world.fake.server().add_rule(
      {.times = 1, .change = [&](const FakeRequest&, FakeAnswer& answer) {
         answer.body = answer.body.substr(10);
         answer.headers = {{"Content-Range", "bytes 1048586-3145727/3145728"}};
       }});
  EXPECT_EQ(must(fetch(*world.client, world.name, world.descriptor)), world.bytes);
  EXPECT_EQ(world.fake.server().requests()[2].header("range"), "")
      << "from the beginning, skipping";
}

TEST(RegistryFetch, TakesA416AsNoRanges) {
  Blob world;
  world.fake.server().add_rule(fault::cut_body("GET", "/blobs/", 1U << 20));
  world.fake.server().add_rule(fault::status("GET", "/blobs/", 416));
  EXPECT_EQ(must(fetch(*world.client, world.name, world.descriptor)), world.bytes);
}

TEST(RegistryFetch, RefusesAnotherSizeThanTheManifests) {
  Blob world;
  for (const int difference : {-1, 1}) {
    cachestore::RemoteDescriptor wrong = world.descriptor;
    wrong.size = static_cast<std::uint64_t>(static_cast<std::int64_t>(wrong.size) + difference);
    const auto result = fetch(*world.client, world.name, wrong);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), ErrorCode::kCorrupt) << result.error().text();
  }
  EXPECT_EQ(world.fake.server().count(), 2U) << "at once";
}

TEST(RegistryFetch, CutsAnEndlessBodyAtItsSize) {
  Blob world;
  world.fake.server().add_rule({.times = -1, .change = [](const FakeRequest&, FakeAnswer& answer) {
                                  answer.chunked = true;
                                  answer.body += std::string(1U << 20, 'x');
                                }});
  const auto result = fetch(*world.client, world.name, world.descriptor);
  EXPECT_NE(error_text(result).find("more than the 3145728 bytes"), std::string::npos)
      << error_text(result);
  EXPECT_EQ(world.fake.server().count(), 1U);
}

TEST(RegistryFetch, EndsAfterSoManyTriesWithoutProgress) {
  Blob world;
  FakeRule always = fault::drop("GET", "/blobs/");
  always.times = -1;
  world.fake.server().add_rule(always);
  const auto result = fetch(*world.client, world.name, world.descriptor);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kUnavailable);
  EXPECT_NE(result.error().text().find("(tried 5 times)"), std::string::npos)
      << result.error().text();
  EXPECT_EQ(world.fake.server().count(), 5U);
}

TEST(RegistryFetch, MayFailMoreOftenWhileItGetsOn) {
  Blob world;
  world.bytes = sample_bytes(10U << 20);
  world.descriptor = descriptor_of(world.bytes);
  world.fake.put_blob("app", world.bytes);
  FakeRule cut = fault::cut_body("GET", "/blobs/", 1U << 20);
  cut.times = -1;
  world.fake.server().add_rule(cut);
  EXPECT_EQ(must(fetch(*world.client, world.name, world.descriptor)), world.bytes);
  EXPECT_EQ(world.fake.server().count(), 10U);
}

TEST(RegistryFetch, ReturnsTheSinksErrorAsItIs) {
  Blob world;
  struct FullDisk : cachestore::BlobSink {
    Status write(std::string_view) override {
      return fail(ErrorCode::kExhausted, "write layer: no space left");
    }
  } sink;
  const Status done =
      world.client->fetch_blob(world.name, world.descriptor, 0, sink, CancelToken());
  EXPECT_EQ(error_text(done), "write layer: no space left");
  EXPECT_EQ(world.fake.server().count(), 1U);
}

TEST(RegistryFetch, EndsAtOnceWhenCancelledWhileNothingComes) {
  Blob world;
  world.fake.server().add_rule({.change = [](const FakeRequest&, FakeAnswer& answer) {
    answer.piece = 1000;
    answer.pause = Millis(600'000);
  }});
  const CancelToken cancel;
  std::thread canceller([&] {
    EXPECT_TRUE(world.fake.server().wait_for_requests(1));
    cancel.cancel(CancelLevel::kTerminate);
  });
  const auto result = fetch(*world.client, world.name, world.descriptor, 0, cancel);
  canceller.join();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kCancelled);
}

TEST(RegistryFetch, EndsAStallAndResumes) {
  Blob world;
  ClientWorld quick;
  quick.options.stall_timeout = Millis(1500);  // a loaded machine answers within it
  world.fake.server().add_rule({.change = [](const FakeRequest&, FakeAnswer& answer) {
    answer.piece = 1U << 20;
    answer.pause = Millis(600'000);
  }});
  EXPECT_EQ(must(fetch(*quick.open(), world.name, world.descriptor)), world.bytes);
  EXPECT_EQ(world.fake.server().count(), 2U);
}

TEST(RegistryFetch, FollowsToAStorageHostWithoutCredentials) {
  FakeRegistry storage;
  FakeRegistry fake;
  const std::string bytes = sample_bytes(100'000);
  storage.put_storage(bytes);
  fake.put_blob("app", bytes);
  fake.change([&](FakeBehaviour& how) {
    how.blob_redirect = storage.server().url();
    how.auth.kind = FakeAuth::Kind::kBasic;
  });
  ClientWorld world;
  world.options.credentials = std::make_shared<OneAccount>("user", "secret");
  storage.server().add_rule(fault::cut_body("GET", "/storage/", 50'000));
  EXPECT_EQ(must(fetch(*world.open(), reference(fake.host() + "/app:1"), descriptor_of(bytes))),
            bytes);
  EXPECT_EQ(storage.server().count(), 2U)
      << "a broken transfer asks the registry for the place again";
  for (const FakeRequest& request : storage.server().requests())
    EXPECT_EQ(request.header("authorization"), "");
}

TEST(RegistryFetch, EndsARedirectLoopAfterFiveSteps) {
  FakeRegistry fake;
  FakeRule loop = fault::status("GET", "/blobs/", 307, {{"Location", "/v2/app/blobs/again"}});
  loop.times = -1;
  fake.server().add_rule(loop);
  const auto result = fetch(*open_client(), reference(fake.host() + "/app:1"), descriptor_of("x"));
  EXPECT_NE(error_text(result).find("more than 5 redirects"), std::string::npos)
      << error_text(result);
  EXPECT_EQ(fake.server().count(), 6U);
}

TEST(RegistryFetch, FollowsNoRedirectToOtherSchemesOrUsers) {
  for (const char* to : {"file:///etc/passwd", "ftp://127.0.0.1/x", "http://user@127.0.0.1/x",
                         "http://2130706433/x", "//"}) {
    FakeRegistry fake;
    fake.server().add_rule(fault::status("GET", "/blobs/", 307, {{"Location", to}}));
    const auto result =
        fetch(*open_client(), reference(fake.host() + "/app:1"), descriptor_of("x"));
    EXPECT_NE(error_text(result).find("bad Location"), std::string::npos)
        << to << ": " << error_text(result);
    EXPECT_EQ(fake.server().count(), 1U) << to;
  }
}

TEST(RegistryRetry, RepeatsA503AndFailsAtOnceOnWhatIsPermanent) {
  FakeRegistry fake;
  fake.put_manifest("app", "1", kOciManifest, kManifest);
  const auto client = open_client();
  const auto name = reference(fake.host() + "/app:1");
  fake.server().add_rule(fault::status("GET", "/manifests/", 503));
  must(client->manifest(name, CancelToken()));
  EXPECT_EQ(fake.server().count(), 2U);
  for (const int status : {400, 404, 405, 410, 501}) {
    fake.server().forget_requests();
    fake.server().add_rule(fault::status("GET", "/manifests/", status));
    EXPECT_FALSE(client->manifest(name, CancelToken()));
    EXPECT_EQ(fake.server().count(), 1U) << status;
  }
}

TEST(RegistryRetry, WaitsAsLongAsRetryAfterSays) {
  FakeRegistry fake;
  fake.put_manifest("app", "1", kOciManifest, kManifest);
  ClientWorld world;
  world.options.back_off = Millis(600'000);  // would be noticed
  fake.server().add_rule(fault::status("GET", "/manifests/", 429, {{"Retry-After", "2"}}));
  must(world.open()->manifest(reference(fake.host() + "/app:1"), CancelToken()));
  EXPECT_EQ(fake.server().count(), 2U);
  ASSERT_EQ(world.warnings->size(), 1U) << "people would wonder";
  EXPECT_NE(world.warnings->front().find("; trying again in 2"), std::string::npos);
}

TEST(RegistryRetry, NamesTheLimitWhenTheRegistryAsksForMoreThanAMinute) {
  FakeRegistry fake;
  fake.server().add_rule(
      fault::status("GET", "/manifests/", 429,
                    {{"Retry-After", "3600"},
                     {"RateLimit-Limit", "100;w=21600"},
                     {"RateLimit-Remaining", "0;w=21600"},
                     {"Content-Type", "text/plain"}},
                    "You have reached your pull rate limit.\nMore at https://example.com\n"));
  const auto result = open_client()->manifest(reference(fake.host() + "/app:1"), CancelToken());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(result.error().text(),
            "get manifest " + fake.host() +
                "/app:1: too many requests (http 429): You have reached your pull rate limit."
                "; limit 100 in 6h00m, 0 left; try again in 1h00m");
  EXPECT_EQ(fake.server().count(), 1U);
}

TEST(RegistryRetry, IsCancelledWhileItWaits) {
  FakeRegistry fake;
  fake.server().add_rule(fault::status("GET", "/manifests/", 429, {{"Retry-After", "60"}}));
  const CancelToken cancel;
  std::thread canceller([&] {
    EXPECT_TRUE(fake.server().wait_for_requests(1));
    cancel.cancel(CancelLevel::kTerminate);
  });
  const auto result = open_client()->manifest(reference(fake.host() + "/app:1"), cancel);
  canceller.join();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kCancelled) << result.error().text();
}

TEST(RegistryErrors, AreOneSafeLineOfBoundedLength) {
  FakeRegistry fake;
  fake.server().add_rule(fault::status(
      "GET", "/manifests/", 400, {{"Content-Type", "application/json"}},
      Json::object({{"errors", Json::array({Json::object({{"code", "NAME_INVALID"},
                                                          {"message", "\x1b]0;title\x07\nsecond"},
                                                          {"detail", std::string(5000, 'd')}})})}})
          .dump()));
  const auto result = open_client()->manifest(reference(fake.host() + "/app:1"), CancelToken());
  const std::string text = error_text(result);
  EXPECT_NE(text.find("name invalid: \\x1b]0;title\\x07\\nsecond (ddd"), std::string::npos) << text;
  EXPECT_LT(text.size(), 500U);
  EXPECT_EQ(text.find('\n'), std::string::npos);
}

TEST(RegistryErrors, EndlessTextIsReadOnlySoFar) {
  Blob world;
  world.fake.server().add_rule({.replace = [](const FakeRequest&) {
    FakeAnswer answer;
    answer.status = 404;
    answer.body = std::string(1U << 20, 'x');
    answer.piece = 200'000;
    answer.pause = Millis(1);
    answer.header("Content-Length", "99999999999");
    return answer;
  }});
  const auto result = fetch(*world.client, world.name, world.descriptor);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kNotFound);
  EXPECT_LT(result.error().text().size(), 600U);
  EXPECT_EQ(world.fake.server().count(), 1U);
}

TEST(RegistryFetch, TakesTrailersOfAChunkedBodyForNoNewAnswer) {
  Blob world;
  world.fake.server().add_rule({.change = [](const FakeRequest&, FakeAnswer& answer) {
    answer.chunked = true;
    answer.trailers = {{"X-Checksum", "1"}, {"Content-Range", "bytes 5-9/10"}};
  }});
  EXPECT_EQ(must(fetch(*world.client, world.name, world.descriptor)), world.bytes);
}

TEST(RegistryErrors, UnreachableIsTriedLessOftenAndNamed) {
  std::string host;
  {
    FakeRegistry gone;
    host = gone.host();
  }
  const auto result = open_client()->manifest(reference(host + "/app:1"), CancelToken());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kUnavailable);
  EXPECT_NE(result.error().text().find("app:1: " + host + ": "), std::string::npos)
      << result.error().text();
  EXPECT_NE(result.error().text().find("(tried 3 times)"), std::string::npos)
      << result.error().text();
}

TEST(RegistryWarnings, AreShownOnceEach) {
  FakeRegistry fake;
  fake.put_manifest("app", "1", kOciManifest, kManifest);
  fake.change([](FakeBehaviour& how) { how.warnings = {"deprecated", "read \\\"only\\\" soon"}; });
  ClientWorld world;
  const auto client = world.open();
  for (int i = 0; i < 3; ++i)
    must(client->manifest(reference(fake.host() + "/app:1"), CancelToken()));
  EXPECT_EQ(*world.warnings, (std::vector<std::string>{fake.host() + " says: deprecated",
                                                       fake.host() + " says: read \"only\" soon"}));
}

TEST(RegistryMirrors, AreTriedInOrderAndTheRegistryLast) {
  FakeRegistry broken, lacking, good, home;
  FakeRule always = fault::status("GET", "", 500);
  always.times = -1;
  broken.server().add_rule(always);
  good.put_manifest("app", "1", kOciManifest, kManifest);
  ClientWorld world;
  world.options.attempts = 1;
  world.options.mirrors[home.host()] = {broken.server().url(), lacking.server().url(),
                                        good.server().url()};
  const auto client = world.open();
  must(client->manifest(reference(home.host() + "/app:1"), CancelToken()));
  EXPECT_EQ(home.server().count(), 0U);
  EXPECT_EQ(good.server().requests()[0].parameter("ns"), home.host());
  EXPECT_EQ(world.warnings->size(), 2U);
  home.put_manifest("app", "2", kOciManifest, "{}");
  EXPECT_EQ(must(client->manifest(reference(home.host() + "/app:2"), CancelToken())).bytes, "{}");
}

TEST(RegistryMirrors, HandOverABrokenTransferWhereItStands) {
  FakeRegistry mirror, home;
  const std::string bytes = sample_bytes(100'000);
  mirror.put_blob("app", bytes);
  home.put_blob("app", bytes);
  mirror.server().add_rule(fault::cut_body("GET", "/blobs/", 60'000));
  ClientWorld world;
  world.options.attempts = 1;
  world.options.mirrors[home.host()] = {mirror.server().url()};
  EXPECT_EQ(must(fetch(*world.open(), reference(home.host() + "/app:1"), descriptor_of(bytes))),
            bytes);
  EXPECT_EQ(home.server().requests()[0].header("range"), "bytes=60000-");
}

}  // namespace
}  // namespace slipway::testing
