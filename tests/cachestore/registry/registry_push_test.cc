// Writing to registries: uploads in every way a registry may want them, mounts, manifests, deletion, referrers.
#include "tests/cachestore/registry/registry_fixtures.h"

namespace slipway::testing {
namespace {

using cachestore::Registry;

struct Push {
  FakeRegistry fake;
  ClientWorld world;
  std::shared_ptr<Registry> client;
  cachestore::Reference name;

  explicit Push(FakeBehaviour how = {})
      : fake(std::move(how)), client(world.open()), name(reference(fake.host() + "/app:1")) {}

  void expect_upload(StringBody body) {
    const Status done = upload(*client, name, body);
    ASSERT_TRUE(done) << done.error().text();
    EXPECT_EQ(fake.blob("app", Digest::of(body.bytes)), body.bytes);
  }
};

TEST(RegistryUpload, StreamsLargeBodiesInThreeRequests) {
  Push push;
  push.expect_upload(StringBody(sample_bytes(10U << 20)));
  EXPECT_EQ(push.fake.server().count(), 3U);
  const auto requests = push.fake.server().requests();
  EXPECT_EQ(requests[1].method, "PATCH");
  EXPECT_EQ(requests[1].header("content-length"), "10485760");
  EXPECT_EQ(requests[1].header("expect"), "");
  EXPECT_EQ(push.fake.server().connections(), 1U);
}

TEST(RegistryUpload, StreamsBodiesOfUnknownSizeChunked) {
  Push push;
  push.expect_upload(StringBody(sample_bytes(3U << 20), false));
  EXPECT_EQ(push.fake.server().requests()[1].header("transfer-encoding"), "chunked");
  push.expect_upload(StringBody("", false));
}

TEST(RegistryUpload, AsksForTheDigestOnlyWhenEverythingWasRead) {
  Push push;
  StringBody body(sample_bytes(1U << 20), false);
  const Status done = push.client->upload_blob(
      push.name, body,
      [&]() -> Result<Digest> {
        EXPECT_EQ(body.at, body.bytes.size());
        return Digest::of(body.bytes);
      },
      CancelToken());
  EXPECT_TRUE(done) << error_text(done);
}

TEST(RegistryUpload, SendsSmallBodiesInOneRequestWhereTheRegistryCan) {
  Push push({.single_post = true});
  push.expect_upload(StringBody("{}"));
  EXPECT_EQ(push.fake.server().count(), 1U);
}

TEST(RegistryUpload, PutsSmallBodiesWhereASinglePostWasAnswered202) {
  Push push;
  push.expect_upload(StringBody("{}"));
  push.expect_upload(StringBody("{\"a\":1}"));
  push.expect_upload(StringBody(""));
  EXPECT_EQ(push.fake.server().count("POST", ""), 3U);
  EXPECT_EQ(push.fake.server().count("PUT", ""), 3U);
  EXPECT_EQ(push.fake.server().count("POST", "digest="), 1U) << "it is not tried again";
  EXPECT_EQ(push.fake.server().count(), 6U);
  EXPECT_EQ(push.fake.open_uploads(), 0U);
}

TEST(RegistryUpload, FindsRelativeLocationsAndKeepsTheirQuery) {
  Push push({.relative_location = true, .location_query = true});
  push.expect_upload(StringBody(sample_bytes(100'000)));
  push.expect_upload(StringBody("small"));
  EXPECT_EQ(push.fake.server().count("PUT", "?state=100000&digest=sha256%3A"), 1U);
}

TEST(RegistryUpload, GoesToSmallChunksWhenLargeOnesAreRefused) {
  for (const int status : {416, 413}) {
    Push push({.largest_patch = 4U << 20, .large_status = status});
    push.expect_upload(StringBody(sample_bytes((9U << 20) + 5)));
    EXPECT_EQ(push.fake.server().count("PATCH", ""), 4U) << "one too large, three chunks";
    push.fake.server().forget_requests();
    push.expect_upload(StringBody(sample_bytes((5U << 20) + 1), false));
    EXPECT_EQ(push.fake.server().count("PATCH", ""), 2U) << "it is remembered";
    EXPECT_EQ(push.fake.server().requests()[2].header("content-range"), "4194304-5242880");
  }
}

TEST(RegistryUpload, TrustsWhatWasSentWhereTheRangeDoesNotAdvance) {
  Push push({.range_advances = false, .largest_patch = 4U << 20});
  push.expect_upload(StringBody(sample_bytes(9U << 20)));
}

TEST(RegistryUpload, ResumesWhereABrokenTransferStopped) {
  Push push({.location_query = true});
  push.fake.server().add_rule(fault::cut_upload("PATCH", "", 3'000'000));
  StringBody body(sample_bytes(8U << 20));
  must(upload(*push.client, push.name, body));
  EXPECT_EQ(push.fake.blob("app", Digest::of(body.bytes)), body.bytes);
  EXPECT_EQ(body.retries.size(), 1U);
  const auto requests = push.fake.server().requests();
  EXPECT_EQ(push.fake.server().count("GET", "/uploads/"), 1U);
  EXPECT_EQ(push.fake.server().count("POST", ""), 1U);
  EXPECT_EQ(requests[requests.size() - 2].header("content-length"),
            std::to_string((8U << 20) - 3'000'000));
}

TEST(RegistryUpload, ResumesABodyOfUnknownSize) {
  Push push;
  push.fake.server().add_rule(fault::cut_upload("PATCH", "", 3'000'000));
  push.expect_upload(StringBody(sample_bytes(8U << 20), false));
  EXPECT_EQ(push.fake.server().count("POST", ""), 1U);
}

TEST(RegistryUpload, ResumesInsideAChunk) {
  Push push({.largest_patch = 4U << 20});
  push.fake.server().add_rule({.method = "PATCH", .skip = 2, .cut_upload_after = 1'000'000});
  push.expect_upload(StringBody(sample_bytes(10U << 20)));
}

TEST(RegistryUpload, StartsAgainWhereNothingWasKept) {
  Push push({.keeps_cut_uploads = false});
  push.fake.server().add_rule(fault::cut_upload("PATCH", "", 3'000'000));
  push.expect_upload(StringBody(sample_bytes(8U << 20)));
}

TEST(RegistryUpload, StartsAgainWhereTheStateIsNotTold) {
  Push push({.range_advances = false});
  push.fake.server().add_rule(fault::cut_upload("PATCH", "", 3'000'000));
  push.expect_upload(StringBody(sample_bytes(8U << 20)));
  EXPECT_EQ(push.fake.server().count("POST", ""), 2U);
}

TEST(RegistryUpload, StartsAgainWhenTheUploadIsForgotten) {
  Push push;
  push.fake.server().add_rule(fault::status("PATCH", "", 404));
  push.expect_upload(StringBody(sample_bytes(1U << 20)));
  push.fake.server().add_rule(fault::status("PUT", "", 404));
  push.expect_upload(StringBody(sample_bytes(2U << 20)));
}

TEST(RegistryUpload, SendsAllAnewWhenAResumedOneHasTheWrongDigest) {
  Push push;
  push.fake.server().add_rule(fault::cut_upload("PATCH", "", 3'000'000));
  push.fake.server().add_rule(
      {.method = "GET", .change = [](const FakeRequest&, FakeAnswer& answer) {
         for (auto& [name, value] : answer.headers) {
           if (name == "Range") value = "0-1999999";  // a lie: it has more
         }
       }});
  push.expect_upload(StringBody(sample_bytes(8U << 20)));
  EXPECT_EQ(push.fake.server().count("POST", ""), 2U);
}

TEST(RegistryUpload, SurvivesTheLossOfTheLastAnswer) {
  Push push;
  push.fake.server().add_rule(
      {.method = "PUT",
       .change = [](const FakeRequest&, FakeAnswer& answer) { answer.drop = true; }});
  push.expect_upload(StringBody(sample_bytes(1U << 20)));
  EXPECT_EQ(push.fake.server().count("PATCH", ""), 1U) << "nothing is sent twice";
}

TEST(RegistryUpload, RepeatsEveryStepAfterA503) {
  for (const char* method : {"POST", "PATCH", "PUT"}) {
    Push push;
    push.fake.server().add_rule(fault::status(method, "", 503));
    push.expect_upload(StringBody(sample_bytes(1U << 20)));
    push.fake.server().add_rule(fault::status(method, "", 503));
    push.expect_upload(StringBody("small"));
  }
}

TEST(RegistryUpload, FailsAtOnceOnAWrongDigest) {
  Push push;
  StringBody body(sample_bytes(1U << 20));
  const Status done = push.client->upload_blob(
      push.name, body, [] { return Result<Digest>(Digest::of("other")); }, CancelToken());
  EXPECT_NE(error_text(done).find("digest invalid"), std::string::npos) << error_text(done);
  EXPECT_EQ(push.fake.server().count(), 3U);
}

TEST(RegistryUpload, ReturnsTheBodysError) {
  Push push;
  struct Broken : StringBody {
    using StringBody::StringBody;
    Result<std::size_t> read(char*, std::size_t) override {
      return fail(ErrorCode::kInternal, "read layer: input/output error");
    }
  };
  for (const std::size_t size : {100U, 1U << 20}) {
    Broken body(std::string(size, 'x'));
    const Status done = upload(*push.client, push.name, body);
    EXPECT_NE(error_text(done).find("read layer: input/output error"), std::string::npos)
        << error_text(done);
  }
}

TEST(RegistryUpload, EndsAtOnceWhenCancelled) {
  const CancelToken cancel;  // outlives the server's threads
  Push push;
  push.fake.server().add_rule({.method = "PATCH", .replace = [&](const FakeRequest&) {
                                 cancel.cancel(CancelLevel::kTerminate);
                                 FakeAnswer answer;
                                 answer.drop = true;
                                 return answer;
                               }});
  StringBody body(sample_bytes(1U << 20));
  const Status done = upload(*push.client, push.name, body, cancel);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), ErrorCode::kCancelled) << done.error().text();
}

TEST(RegistryUpload, FollowsALocationToAnotherHostWithoutCredentials) {
  FakeRegistry other;
  Push push({.auth = {.kind = FakeAuth::Kind::kBasic}});
  push.world.options.credentials = std::make_shared<OneAccount>("user", "secret");
  push.client = push.world.open();
  other.put_blob("app", "");
  push.fake.server().add_rule(
      {.method = "POST", .skip = 1, .change = [&](const FakeRequest&, FakeAnswer& answer) {
         answer.status = 202;
         answer.headers = {{"Location", other.server().url() + "/v2/app/blobs/uploads/x"}};
       }});
  StringBody body(sample_bytes(100'000));
  EXPECT_TRUE(upload(*push.client, push.name, body)) << "the other host knows no such upload";
  ASSERT_GT(other.server().count(), 0U);
  for (const FakeRequest& request : other.server().requests())
    EXPECT_EQ(request.header("authorization"), "");
}

TEST(RegistryUpload, AnswersNoChallengeOfAnotherHost) {
  FakeRegistry thief;
  Push push({.auth = {.kind = FakeAuth::Kind::kBasic}});
  push.world.options.credentials = std::make_shared<OneAccount>("user", "secret");
  push.client = push.world.open();
  thief.server().add_rule(fault::status(
      "PATCH", "", 401,
      {{"WWW-Authenticate", "Bearer realm=\"" + thief.server().url() + "/token\",service=\"x\""}}));
  push.fake.server().add_rule(
      {.method = "POST", .skip = 1, .change = [&](const FakeRequest&, FakeAnswer& answer) {
         answer.status = 202;
         answer.headers = {{"Location", thief.server().url() + "/upload"}};
       }});
  StringBody body(sample_bytes(100'000));
  EXPECT_FALSE(upload(*push.client, push.name, body));
  EXPECT_EQ(thief.server().count(), 1U);
}

TEST(RegistryUpload, TriesSmallerRequestsWhereTheServerHangsUpOnLargeOnes) {
  Push push({.keeps_cut_uploads = false});
  FakeRule hangs_up = fault::cut_upload("PATCH", "", 5U << 20);  // chunks of 4 MiB pass
  hangs_up.times = -1;
  push.fake.server().add_rule(hangs_up);
  push.expect_upload(StringBody(sample_bytes(9U << 20)));
}

TEST(RegistryMount, TakesABlobFromAnotherRepository) {
  Push push;
  const Digest digest = push.fake.put_blob("base", "layer");
  EXPECT_TRUE(must(push.client->mount_blob(push.name, "base", digest, CancelToken())));
  EXPECT_EQ(push.fake.blob("app", digest), "layer");
}

TEST(RegistryMount, ThatIsRefusedLeavesItsUploadForTheNextBlob) {
  Push push({.mounts = false});
  const Digest digest = push.fake.put_blob("base", "layer");
  EXPECT_FALSE(must(push.client->mount_blob(push.name, "base", digest, CancelToken())));
  push.expect_upload(StringBody(sample_bytes(100'000)));
  EXPECT_EQ(push.fake.server().count("POST", ""), 1U);
  EXPECT_EQ(push.fake.open_uploads(), 0U);
}

TEST(RegistryMount, OfAStrangersRepositoryIsANormalUpload) {
  Push push;
  push.fake.server().add_rule(fault::status("POST", "mount=", 403));
  EXPECT_FALSE(
      must(push.client->mount_blob(push.name, "base", Digest::of("layer"), CancelToken())));
}

TEST(RegistryPutManifest, ByTagAndByDigest) {
  Push push;
  const std::string text = R"({"schemaVersion":2,"layers":[]})";
  EXPECT_EQ(must(push.client->put_manifest(push.name, kOciManifest, text, CancelToken())),
            Digest::of(text));
  EXPECT_EQ(push.fake.manifest("app", "1"), text);
  auto by_digest = reference(push.fake.host() + "/app@" + Digest::of("{}").str());
  EXPECT_EQ(error_text(push.client->put_manifest(by_digest, kOciManifest, text, CancelToken()))
                .find("put manifest"),
            0U);
  must(push.client->put_manifest(by_digest, kOciManifest, "{}", CancelToken()));
  EXPECT_EQ(push.fake.server().requests()[0].header("content-type"), kOciManifest);
  EXPECT_EQ(push.fake.server().count(), 2U);
}

TEST(RegistryPutManifest, ThatLacksABlobSaysSo) {
  Push push;
  const auto result = push.client->put_manifest(
      push.name, kOciManifest, R"({"layers":[{"digest":"sha256:00"}]})", CancelToken());
  EXPECT_NE(error_text(result).find("manifest blob unknown: blob unknown to registry"),
            std::string::npos)
      << error_text(result);
}

TEST(RegistryPutManifest, StoredUnderAnotherDigestIsAnError) {
  Push push;
  push.fake.server().add_rule(
      {.method = "PUT", .change = [](const FakeRequest&, FakeAnswer& answer) {
         answer.headers = {{"Docker-Content-Digest", Digest::of("x").str()}};
       }});
  const auto result = push.client->put_manifest(push.name, kOciManifest, "{}", CancelToken());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kCorrupt);
}

TEST(RegistryRemove, ByTagOrDigest) {
  Push push;
  const Digest digest = push.fake.put_manifest("app", "1", kOciManifest, "{}");
  push.fake.put_manifest("app", "2", kOciManifest, "{}");
  must(push.client->remove_manifest(push.name, CancelToken()));
  EXPECT_FALSE(push.fake.manifest("app", "1"));
  EXPECT_TRUE(push.fake.manifest("app", "2"));
  must(push.client->remove_manifest(reference(push.fake.host() + "/app@" + digest.str()),
                                    CancelToken()));
  EXPECT_FALSE(push.fake.manifest("app", "2"));
  const Status again = push.client->remove_manifest(push.name, CancelToken());
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code(), ErrorCode::kNotFound);
}

TEST(RegistryRemove, ByTagWhereOnlyDigestsCanBeDeletedWarnsOfTheOtherTags) {
  Push push({.delete_by_tag = false});
  push.fake.put_manifest("app", "1", kOciManifest, "{}");
  must(push.client->remove_manifest(push.name, CancelToken()));
  EXPECT_FALSE(push.fake.manifest("app", "1"));
  ASSERT_EQ(push.world.warnings->size(), 1U);
  EXPECT_NE(push.world.warnings->front().find("cannot remove a tag alone"), std::string::npos);
}

TEST(RegistryTags, FollowPagesToTheEnd) {
  Push push({.tags_page = 3});
  for (int i = 0; i < 10; ++i)
    push.fake.put_manifest("app", "v" + std::to_string(i), kOciManifest, "{}");
  const auto tags = must(push.client->tags(push.name, CancelToken()));
  EXPECT_EQ(tags.size(), 10U);
  EXPECT_EQ(tags.back(), "v9");
  EXPECT_EQ(push.fake.server().count(), 4U);
}

TEST(RegistryTags, GoToNoOtherHostAndInNoCircle) {
  FakeRegistry other;
  Push push;
  push.fake.put_manifest("app", "1", kOciManifest, "{}");
  struct Case {
    std::string link, complaint;
  };
  for (const Case& row :
       {Case{"<" + other.server().url() + "/v2/app/tags/list>; rel=\"next\"", "another host"},
        Case{"</v2/app/tags/list?n=1000>; rel=next", "linked in a circle"},
        Case{"<//>; rel=next", "bad link"}}) {
    push.fake.server().clear_rules();
    push.fake.server().add_rule(
        {.times = -1, .change = [&](const FakeRequest&, FakeAnswer& answer) {
           answer.header("Link", row.link);
         }});
    const auto result = push.client->tags(push.name, CancelToken());
    EXPECT_NE(error_text(result).find(row.complaint), std::string::npos) << error_text(result);
  }
  EXPECT_EQ(other.server().count(), 0U);
}

TEST(RegistryTags, ThatAreNoneAreLeftOut) {
  Push push;
  push.fake.server().add_rule(fault::status(
      "GET", "tags/list", 200, {}, R"({"tags":["ok","\u001b[31m","a/b","x@sha256:0",7,"v1.2"]})"));
  EXPECT_EQ(must(push.client->tags(push.name, CancelToken())),
            (std::vector<std::string>{"ok", "v1.2"}));
}

TEST(RegistryTags, OfAnUnknownRepositorySayNotFound) {
  Push push;
  const auto result = push.client->tags(push.name, CancelToken());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kNotFound);
}

struct Referring : Push {
  Digest subject;
  std::string signature, sbom;

  explicit Referring(FakeBehaviour how) : Push(std::move(how)) {
    subject = fake.put_manifest("app", "1", kOciManifest, R"({"schemaVersion":2,"layers":[]})");
    const auto artifact = [&](const char* type) {
      return Json::object({{"schemaVersion", 2},
                           {"mediaType", kOciManifest},
                           {"artifactType", type},
                           {"layers", Json::array()},
                           {"subject", Json::object({{"mediaType", kOciManifest},
                                                     {"digest", subject.str()},
                                                     {"size", 31}})},
                           {"annotations", Json::object({{"made.by", type}})}})
          .dump();
    };
    signature = artifact("application/x.signature");
    sbom = artifact("application/x.sbom");
    for (const std::string& text : {signature, sbom, signature}) {
      must(client->put_manifest(reference(fake.host() + "/app@" + Digest::of(text).str()),
                                kOciManifest, text, CancelToken()));
    }
  }
  void expect_both() {
    auto all = must(client->referrers(name, subject, "", CancelToken()));
    ASSERT_EQ(all.size(), 2U);
    const auto some = must(client->referrers(name, subject, "application/x.sbom", CancelToken()));
    ASSERT_EQ(some.size(), 1U);
    EXPECT_EQ(some[0].digest, Digest::of(sbom));
    EXPECT_EQ(some[0].size, sbom.size());
    EXPECT_EQ(some[0].annotations["made.by"].string_or(""), "application/x.sbom");
    EXPECT_TRUE(must(client->referrers(name, Digest::of("lonely"), "", CancelToken())).empty());
  }
};

TEST(RegistryReferrers, ComeFromTheApi) {
  Referring world({});
  world.expect_both();
  EXPECT_FALSE(world.fake.manifest("app", "sha256-" + world.subject.hex()))
      << "no fallback tag is made";
}

TEST(RegistryReferrers, AreKeptUnderTheFallbackTagWithoutTheApi) {
  Referring world({.referrers_api = false});
  world.expect_both();
  EXPECT_EQ(world.fake.server().count("GET", "/referrers/"), 1U) << "the API is asked for once";
  const Json index = must(parse_json(*world.fake.manifest("app", "sha256-" + world.subject.hex())));
  EXPECT_EQ(index["mediaType"].string_or(""), kOciIndex);
  EXPECT_EQ(index["manifests"].items().size(), 2U);
}

TEST(RegistryReferrers, OfManyThreadsAreAllListed) {
  Push push({.referrers_api = false});
  const Digest subject = push.fake.put_manifest("app", "1", kOciManifest, "{}");
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      const std::string text =
          Json::object({{"n", i}, {"subject", Json::object({{"digest", subject.str()}})}}).dump();
      must(push.client->put_manifest(reference(push.fake.host() + "/app@" + Digest::of(text).str()),
                                     kOciManifest, text, CancelToken()));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(must(push.client->referrers(push.name, subject, "", CancelToken())).size(), 8U);
}

TEST(RegistryReferrers, OfARegistryWithAPageForPeopleUseTheFallback) {
  Push push;
  FakeRule page =
      fault::status("GET", "/referrers/", 200, {{"Content-Type", "text/html"}}, "<html>");
  page.times = -1;
  push.fake.server().add_rule(page);
  EXPECT_TRUE(must(push.client->referrers(push.name, Digest::of("x"), "", CancelToken())).empty());
}

}  // namespace
}  // namespace slipway::testing
