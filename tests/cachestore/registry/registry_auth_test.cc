// Authentication: challenges, tokens and their scopes, renewal, realms that are not to be trusted, logging in.
#include "cachestore/registry/tokens.h"
#include "tests/cachestore/registry/registry_fixtures.h"

namespace slipway::testing {
namespace {

using cachestore::Challenge;
using cachestore::check_realm;
using cachestore::Credentials;
using cachestore::Registry;
using cachestore::Url;

constexpr const char* kManifest = R"({"schemaVersion":2})";

struct AuthWorld {
  FakeRegistry fake;
  ClientWorld world;
  std::shared_ptr<OneAccount> account = std::make_shared<OneAccount>("user", "secret");
  std::shared_ptr<Registry> client;

  explicit AuthWorld(FakeAuth auth, bool with_account = true)
      : fake(FakeBehaviour{.auth = std::move(auth)}) {
    if (with_account) world.options.credentials = account;
    client = world.open();
    for (const char* repository : {"app", "base"})
      fake.put_manifest(repository, "1", kOciManifest, kManifest);
  }
  cachestore::Reference name(const std::string& repository = "app") {
    return reference(fake.host() + "/" + repository + ":1");
  }
  Result<cachestore::RemoteManifest> pull(const std::string& repository = "app") {
    return client->manifest(name(repository), CancelToken());
  }
};
constexpr FakeAuth::Kind kBearer = FakeAuth::Kind::kBearer;
constexpr FakeAuth::Kind kBasic = FakeAuth::Kind::kBasic;

TEST(RegistryBasic, AccountIsSentOnlyAfterAChallengeAndThenAtOnce) {
  AuthWorld world({.kind = kBasic});
  must(world.pull());
  must(world.pull());
  const auto requests = world.fake.server().requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests[0].header("authorization"), "");
  EXPECT_EQ(requests[2].header("authorization"), "Basic dXNlcjpzZWNyZXQ=");
  EXPECT_EQ(world.account->asked, std::vector<std::string>{world.fake.host()});
}

TEST(RegistryBasic, WithoutAnAccountFailsAtOnceWithAHint) {
  AuthWorld world({.kind = kBasic}, false);
  const auto result = world.pull();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kUnauthenticated);
  EXPECT_NE(result.error().text().find("; try: runner login " + world.fake.host()),
            std::string::npos)
      << result.error().text();
  EXPECT_EQ(world.fake.server().count(), 1U);
}

TEST(RegistryBasic, WrongPasswordIsNotTriedAgainAndAgain) {
  AuthWorld world({.kind = kBasic, .password = "other"});
  EXPECT_FALSE(world.pull());
  EXPECT_EQ(world.fake.server().count(), 2U);
}

TEST(RegistryBasic, RenewedAccountIsFetchedFromItsSource) {
  AuthWorld world({.kind = kBasic});
  must(world.pull());
  world.fake.change([](FakeBehaviour& how) { how.auth.password = "new"; });
  world.account->account.password = "new";
  must(world.pull());
  EXPECT_EQ(world.account->asked.size(), 2U);
}

TEST(RegistryToken, IsKeptForItsScopesAndAskedForAtOnceForOthers) {
  AuthWorld world({.kind = kBearer});
  must(world.pull());
  EXPECT_EQ(world.fake.server().count(), 3U) << "401, token, manifest";
  must(world.pull());
  EXPECT_EQ(world.fake.server().count(), 4U);
  must(world.pull("base"));
  EXPECT_EQ(world.fake.server().count(), 6U) << "no 401 any more";
  const auto requests = world.fake.server().requests();
  EXPECT_EQ(requests[1].parameter("scope"), "repository:app:pull");
  EXPECT_EQ(requests[1].parameter("service"), "fake");
  EXPECT_EQ(requests[1].parameter("account"), "user");
  EXPECT_EQ(requests[1].header("authorization").substr(0, 6), "Basic ");
  EXPECT_EQ(requests[2].header("authorization"), "Bearer fake-token-0");
}

TEST(RegistryToken, IsAnonymousWithoutAnAccount) {
  AuthWorld world({.kind = kBearer, .anonymous_pull = true}, false);
  must(world.pull());
  EXPECT_EQ(world.fake.server().requests()[1].header("authorization"), "");
  const auto refused = world.client->put_manifest(world.name(), kOciManifest, "{}", CancelToken());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnauthenticated) << refused.error().text();
}

TEST(RegistryToken, ForPushingHasPullTooAndForMountsTheOtherRepository) {
  AuthWorld world({.kind = kBearer});
  StringBody body("layer");
  must(upload(*world.client, world.name(), body));
  EXPECT_EQ(world.fake.server().requests()[1].parameter("scope"), "repository:app:pull,push");
  const Digest digest = world.fake.put_blob("base", "base layer");
  EXPECT_TRUE(must(world.client->mount_blob(world.name(), "base", digest, CancelToken())));
  EXPECT_EQ(world.fake.server().requests()[4].parameters("scope"),
            (std::vector<std::string>{"repository:app:pull,push", "repository:base:pull"}));
}

TEST(RegistryToken, IsRenewedOnceWhenItIsRefused) {
  AuthWorld world({.kind = kBearer, .uses = 2});
  for (int i = 0; i < 5; ++i) must(world.pull());
  EXPECT_EQ(world.fake.tokens_given(), 3U);
  EXPECT_EQ(world.fake.server().count("GET", "/manifests/"), 8U)
      << "five answers, and a 401 for each token";
}

TEST(RegistryToken, ThatExpiresDuringALongPullIsRenewedInTheMiddle) {
  AuthWorld world({.kind = kBearer, .uses = 1});
  const std::string bytes = sample_bytes(2U << 20);
  world.fake.put_blob("app", bytes);
  world.fake.server().add_rule(fault::cut_body("GET", "/blobs/", 1U << 20));
  world.fake.server().add_rule({.method = "none"});
  EXPECT_EQ(must(fetch(*world.client, world.name(), descriptor_of(bytes))), bytes);
}

TEST(RegistryToken, ThatExpiresDuringAPushRepeatsTheRequestFromItsBeginning) {
  AuthWorld world({.kind = kBearer, .uses = 1});
  StringBody body(sample_bytes(5U << 20));
  must(upload(*world.client, world.name(), body));
  EXPECT_EQ(world.fake.blob("app", Digest::of(body.bytes)), body.bytes);
}

TEST(RegistryToken, EndlessChallengesEndAtTheSecond) {
  AuthWorld world({.kind = kBearer, .uses = 0});
  const auto result = world.pull();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kUnauthenticated);
  EXPECT_EQ(world.fake.server().count(), 3U);
}

TEST(RegistryToken, HasTheScopesThatTheChallengeNames) {
  AuthWorld world({.kind = kBearer});
  const std::string realm = world.fake.server().url() + "/token";
  world.fake.server().add_rule(fault::status(
      "GET", "/manifests/", 401,
      {{"WWW-Authenticate",
        "Negotiate YII=, Bearer realm=\"" + realm +
            "\",service=\"fake\",scope=\"repository:app:pull repository:extra:pull\""}}));
  must(world.pull());
  EXPECT_EQ(world.fake.server().requests()[1].parameters("scope"),
            (std::vector<std::string>{"repository:app:pull", "repository:extra:pull"}));
}

TEST(RegistryToken, IsFetchedOnceByManyThreads) {
  AuthWorld world({.kind = kBearer});
  must(world.pull("base"));
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back([&] { must(world.pull()); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(world.fake.tokens_given(), 2U);
}

TEST(RegistryToken, IsGotWithAnIdentityTokenByPost) {
  AuthWorld world({.kind = kBearer, .refresh_token = "identity"});
  world.account->account = {};
  world.account->account.identity_token = "identity";
  must(world.pull());
  const FakeRequest request = world.fake.server().requests()[1];
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.header("authorization"), "");
  EXPECT_EQ(request.query, "") << "no secret in a URL";
}

TEST(RegistryToken, ThatIsReadyIsSentAsItIs) {
  AuthWorld world({.kind = kBearer});
  world.account->account = {};
  world.account->account.registry_token = "ready";
  EXPECT_FALSE(world.pull()) << "the fake does not know it";
  EXPECT_EQ(world.fake.server().requests()[1].header("authorization"), "Bearer ready");
  EXPECT_EQ(world.fake.server().count(), 2U);
}

TEST(RegistryToken, ServerIsNeverFollowedElsewhere) {
  FakeRegistry thief;
  AuthWorld world({.kind = kBearer});
  world.fake.server().add_rule(
      fault::status("GET", "/token", 307, {{"Location", thief.server().url() + "/token"}}));
  const auto result = world.pull();
  EXPECT_NE(error_text(result).find("redirects are not followed while authenticating"),
            std::string::npos)
      << error_text(result);
  EXPECT_EQ(thief.server().count(), 0U);
}

TEST(RegistryToken, ServersFailuresAreRepeatedAndRefusalsAreNot) {
  AuthWorld world({.kind = kBearer});
  world.fake.server().add_rule(fault::status("GET", "/token", 503));
  must(world.pull());
  EXPECT_EQ(world.fake.server().count("GET", "/token"), 2U);
  AuthWorld wrong({.kind = kBearer, .password = "other"});
  const auto result = wrong.pull();
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kUnauthenticated);
  EXPECT_NE(result.error().text().find("incorrect username or password"), std::string::npos)
      << result.error().text();
  EXPECT_EQ(result.error().text().find("secret"), std::string::npos);
  EXPECT_EQ(wrong.fake.server().count(), 2U);
}

TEST(RegistryToken, TextCannotSmuggleHeaders) {
  for (const char* body : {R"({"token":"a\r\nX-Evil: 1"})", R"({"token":"a b"})", R"({"token":""})",
                           R"({"token":7})", "[]", "no json"}) {
    AuthWorld world({.kind = kBearer});
    world.fake.server().add_rule(fault::status("GET", "/token", 200, {}, body));
    EXPECT_FALSE(world.pull()) << body;
    EXPECT_EQ(world.fake.server().count(), 2U) << body;
  }
}

TEST(RegistryToken, AnswersAreBounded) {
  AuthWorld world({.kind = kBearer});
  world.fake.server().add_rule(fault::status("GET", "/token", 200, {},
                                             "{\"token\":\"" + std::string(2U << 20, 'x') + "\"}"));
  const auto result = world.pull();
  EXPECT_NE(error_text(result).find("larger than 1"), std::string::npos) << error_text(result);
}

/// A clock that stands until it is moved.
struct HandClock : Clock {
  std::atomic<std::int64_t> seconds{1'000'000};
  MonoTime mono() const override { return MonoTime(std::chrono::seconds(seconds)); }
  WallTime wall() const override { return WallTime(std::chrono::seconds(1'700'000'000 + seconds)); }
};

TEST(RegistryToken, IsRenewedBeforeItExpires) {
  struct Case {
    std::string answer;
    int still_good, renewed;
  };
  HandClock clock;
  const std::string now = format_rfc3339(clock.wall() - std::chrono::seconds(100));
  for (const Case& row :
       {Case{R"({"token":"t","expires_in":300})", 289, 290}, Case{R"({"token":"t"})", 53, 54},
        Case{R"({"access_token":"t","expires_in":20})", 17, 18},
        Case{R"({"token":"t","expires_in":300,"issued_at":")" + now + "\"}", 189, 190},
        Case{R"({"token":"t","expires_in":60,"issued_at":")" + now + "\"}", 53, 54},
        Case{R"({"token":"t","expires_in":-5})", 53, 54}}) {
    FakeRegistry fake;
    FakeRule token = fault::status("GET", "/token", 200, {}, row.answer);
    token.times = -1;
    fake.server().add_rule(token);
    cachestore::RegistryOptions options;
    const auto http = must(cachestore::HttpClient::open({}));
    cachestore::Tokens tokens(*http, options, clock);
    const auto endpoints = must(cachestore::find_endpoints(fake.host(), options));
    cachestore::HttpAnswer challenged;
    challenged.status = 401;
    challenged.headers.add("WWW-Authenticate",
                           "Bearer realm=\"" + fake.server().url() + "/token\"");
    must(tokens.answer_challenge(*endpoints[0], {"a"}, challenged, "", CancelToken()));
    clock.seconds += row.still_good;
    must(tokens.header(*endpoints[0], {"a"}, CancelToken()));
    EXPECT_EQ(fake.server().count(), 1U) << row.answer;
    clock.seconds += row.renewed - row.still_good;
    must(tokens.header(*endpoints[0], {"a"}, CancelToken()));
    EXPECT_EQ(fake.server().count(), 2U) << row.answer;
    clock.seconds -= row.renewed;
  }
}

TEST(RegistryRealm, MustBeHttpsAndNoAddressOfThisMachineForAPublicRegistry) {
  struct Case {
    const char* registry;
    bool is_public;
    const char* realm;
    bool allowed;
  };
  constexpr Case kCases[] = {
      {"https://r.example", true, "https://auth.example/token", true},
      {"https://r.example", true, "https://auth.example:8443/token?x=1", true},
      {"https://r.example", true, "http://auth.example/token", false},
      {"http://r.example", true, "http://auth.example/token", true},
      {"http://r.example", true, "https://auth.example/token", true},
      {"https://r.example", true, "https://user@auth.example/token", false},
      {"https://r.example", true, "https://user:pw@auth.example/token", false},
      {"https://r.example", true, "https://127.0.0.1/token", false},
      {"https://r.example", true, "https://127.9.9.9/token", false},
      {"https://r.example", true, "https://localhost/token", false},
      {"https://r.example", true, "https://a.localhost./token", false},
      {"https://r.example", true, "https://[::1]/token", false},
      {"https://r.example", true, "https://[::ffff:127.0.0.1]/token", false},
      {"https://r.example", true, "https://[64:ff9b::169.254.169.254]/token", false},
      {"https://r.example", true, "https://[fe80::1]/token", false},
      {"https://r.example", true, "https://0.0.0.0/token", false},
      {"https://r.example", true, "https://169.254.169.254/latest/meta-data", false},
      {"https://r.example", true, "https://169.254.170.2/token", false},
      {"https://r.example", true, "https://100.100.100.200/token", false},
      {"https://r.example", true, "https://[fd00:ec2::254]/token", false},
      {"https://r.example", true, "https://metadata.google.internal/token", false},
      {"https://r.example", true, "https://2130706433/token", false},
      {"https://r.example", true, "https://0x7f.0.0.1/token", false},
      {"https://r.example", true, "https://127.1/token", false},
      {"https://r.example", true, "https://10.0.0.5/token", true},
      {"https://r.example", true, "file:///etc/passwd", false},
      {"https://r.example", true, "gopher://auth.example/x", false},
      {"https://r.example", true, "/token", false},
      {"https://r.example", true, "", false},
      {"https://127.0.0.1:5000", false, "https://127.0.0.1:5001/token", true},
      {"http://127.0.0.1:5000", false, "http://127.0.0.1:5001/token", true},
      {"https://127.0.0.1:5000", false, "http://127.0.0.1:5001/token", false},
  };
  for (const Case& row : kCases) {
    Challenge challenge;
    challenge.parameters = {{"realm", row.realm}, {"service", "s"}};
    const auto realm = check_realm(challenge, must(Url::parse(row.registry)), row.is_public);
    EXPECT_EQ(realm.has_value(), row.allowed)
        << row.registry << " " << row.realm << ": " << error_text(realm);
    EXPECT_TRUE(realm || realm.error().code() == ErrorCode::kUnauthenticated);
  }
}

TEST(RegistryRealm, NameThatLeadsToThisMachineIsNotAsked) {
  // Names are judged by where they lead, too; "localhost" is known by name, so the client is asked below that rule.
  FakeRegistry fake;
  const auto http = must(cachestore::HttpClient::open({}));
  cachestore::HttpRequest request;
  request.url = must(Url::parse(fake.server().url() + "/token"));
  request.url.host = "localhost";
  request.refuse_local = true;
  const auto refused = http->perform(request, CancelToken());
  EXPECT_FALSE(refused);
  EXPECT_EQ(fake.server().connections(), 0U);
  request.refuse_local = false;
  EXPECT_TRUE(http->perform(request, CancelToken()));
  request.refuse_local = true;
  EXPECT_FALSE(http->perform(request, CancelToken())) << "a kept connection is no way around";
}

TEST(RegistryLogin, WithBasicGivesTheAccountBack) {
  AuthWorld world({.kind = kBasic}, false);
  Credentials account;
  account.username = "user";
  account.password = "secret";
  const Credentials kept = must(world.client->log_in(world.fake.host(), account, CancelToken()));
  EXPECT_EQ(kept.password, "secret");
  account.password = "wrong";
  const auto refused = world.client->log_in(world.fake.host(), account, CancelToken());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnauthenticated);
  EXPECT_EQ(refused.error().text().find("log in to " + world.fake.host() + ": "), 0U);
  EXPECT_EQ(refused.error().text().find("wrong"), std::string::npos);
}

TEST(RegistryLogin, WithTokensGivesAnIdentityTokenWhereTheServerHasThem) {
  Credentials account;
  account.username = "user";
  account.password = "secret";
  AuthWorld plain({.kind = kBearer}, false);
  EXPECT_EQ(must(plain.client->log_in(plain.fake.host(), account, CancelToken())).password,
            "secret");
  AuthWorld modern({.kind = kBearer, .refresh_token = "identity"}, false);
  const Credentials kept = must(modern.client->log_in(modern.fake.host(), account, CancelToken()));
  EXPECT_EQ(kept.identity_token, "identity");
  EXPECT_EQ(kept.password, "");
  account.password = "wrong";
  EXPECT_EQ(must(modern.client->log_in(modern.fake.host(), kept, CancelToken())).identity_token,
            "identity");
  EXPECT_FALSE(modern.client->log_in(modern.fake.host(), account, CancelToken()));
}

TEST(RegistryLogin, PostsWhereTheTokenServerKnowsNoGet) {
  AuthWorld world({.kind = kBearer, .refresh_token = "identity"}, false);
  FakeRule no_get = fault::status("GET", "/token", 405);
  no_get.times = -1;
  world.fake.server().add_rule(no_get);
  Credentials account;
  account.username = "user";
  account.password = "secret";
  EXPECT_EQ(must(world.client->log_in(world.fake.host(), account, CancelToken())).identity_token,
            "identity");
}

TEST(RegistryLogin, ToARegistryThatWantsNoAccountSucceeds) {
  AuthWorld world({}, false);
  Credentials account;
  account.username = "user";
  account.password = "secret";
  EXPECT_EQ(must(world.client->log_in(world.fake.host(), account, CancelToken())).username, "user");
  EXPECT_EQ(world.fake.server().count(), 1U);
}

}  // namespace
}  // namespace slipway::testing
