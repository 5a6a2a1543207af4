// The client with Debian's docker-registry: plain, TLS with an own authority, htpasswd, tokens, as a mirror.
#include "tests/support/docker_registry.h"

#include "tests/cachestore/registry/registry_fixtures.h"
#include "tests/support/breaking_proxy.h"
#include "tests/support/token_signer.h"

namespace slipway::testing {
namespace {

using cachestore::Credentials;
using cachestore::Registry;

/// An image of one config and one layer, pushed and pulled back.
void expect_round_trip(Registry& client, const std::string& host) {
  const auto name = reference(host + "/team/app:1");
  StringBody layer(sample_bytes(6U << 20));
  StringBody config(R"({"os":"linux","architecture":"amd64"})");
  const auto layer_blob = descriptor_of(layer.bytes);
  EXPECT_FALSE(must(client.has_blob(name, layer_blob.digest, CancelToken())));
  must(upload(client, name, layer));
  must(upload(client, name, config));
  EXPECT_TRUE(must(client.has_blob(name, layer_blob.digest, CancelToken())));
  const std::string manifest =
      Json::object(
          {{"schemaVersion", 2},
           {"mediaType", kOciManifest},
           {"config", Json::object({{"mediaType", "application/vnd.oci.image.config.v1+json"},
                                    {"digest", Digest::of(config.bytes).str()},
                                    {"size", static_cast<std::int64_t>(config.bytes.size())}})},
           {"layers",
            Json::array({Json::object({{"mediaType", "application/vnd.oci.image.layer.v1.tar"},
                                       {"digest", layer_blob.digest.str()},
                                       {"size", static_cast<std::int64_t>(layer_blob.size)}})})}})
          .dump();
  EXPECT_FALSE(must(client.find_manifest(name, CancelToken())));
  EXPECT_EQ(must(client.put_manifest(name, kOciManifest, manifest, CancelToken())),
            Digest::of(manifest));
  EXPECT_EQ(must(client.manifest(name, CancelToken())).bytes, manifest);
  EXPECT_EQ(must(client.find_manifest(name, CancelToken()))->size, manifest.size());
  EXPECT_EQ(must(fetch(client, name, layer_blob)), layer.bytes);
  EXPECT_EQ(must(fetch(client, name, layer_blob, 1'000'001)), layer.bytes.substr(1'000'001));
  EXPECT_EQ(must(client.tags(name, CancelToken())), std::vector<std::string>{"1"});
  const auto other = reference(host + "/team/other:1");
  EXPECT_TRUE(must(client.mount_blob(other, "team/app", layer_blob.digest, CancelToken())));
  EXPECT_TRUE(must(client.has_blob(other, layer_blob.digest, CancelToken())));
}

Credentials account() {
  Credentials who;
  who.username = "user";
  who.password = "secret";
  return who;
}

TEST(DockerRegistry, PlainPushPullDelete) {
  DockerRegistry registry;
  ClientWorld world;
  const auto client = world.open();
  expect_round_trip(*client, registry.host());
  const auto name = reference(registry.host() + "/team/app:1");
  must(client->remove_manifest(name, CancelToken()));
  EXPECT_FALSE(must(client->find_manifest(name, CancelToken())));
}

TEST(DockerRegistry, BodiesOfUnknownSizeEmptyBodiesAndRefusedMounts) {
  DockerRegistry registry;
  const auto client = open_client();
  const auto name = reference(registry.host() + "/app:1");
  for (const std::size_t size : {0U, 1U, 100U, 5'000'000U}) {
    StringBody body(sample_bytes(size), false);
    must(upload(*client, name, body));
    EXPECT_EQ(must(fetch(*client, name, descriptor_of(body.bytes))), body.bytes);
    EXPECT_TRUE(must(client->has_blob(name, Digest::of(body.bytes), CancelToken())));
  }
  EXPECT_FALSE(must(client->mount_blob(name, "nothing/here", Digest::of("none"), CancelToken())));
  StringBody after(sample_bytes(200'000));
  must(upload(*client, name, after));
}

TEST(DockerRegistry, TransfersGoOnWhereTheNetworkBrokeThem) {
  DockerRegistry registry;
  BreakingProxy proxy(registry.port());
  const auto client = open_client();
  const auto name = reference(proxy.host() + "/app:1");
  const std::string bytes = sample_bytes(20U << 20);
  for (const bool size_known : {true, false}) {
    StringBody body((size_known ? "a" : "b") + bytes, size_known);
    proxy.break_after_sent(5'000'000);
    proxy.break_after_sent(7'000'000);
    must(upload(*client, name, body));
    EXPECT_GE(body.seeks, 2) << "it was resumed or sent again";
    proxy.break_after_received(5'000'000);
    proxy.break_after_received(7'000'000);
    EXPECT_EQ(must(fetch(*client, name, descriptor_of(body.bytes))), body.bytes);
  }
  EXPECT_EQ(proxy.breaks(), 8);
}

TEST(DockerRegistry, ReferrersAreKeptUnderTheFallbackTag) {
  DockerRegistry registry;
  const auto client = open_client();
  expect_round_trip(*client, registry.host());
  const auto name = reference(registry.host() + "/team/app:1");
  const auto subject = must(client->find_manifest(name, CancelToken()));
  StringBody empty("{}");
  must(upload(*client, name, empty));
  const Json config = Json::object({{"mediaType", "application/vnd.oci.empty.v1+json"},
                                    {"digest", Digest::of("{}").str()},
                                    {"size", 2}});
  const std::string artifact =
      Json::object({{"schemaVersion", 2},
                    {"mediaType", kOciManifest},
                    {"artifactType", "application/x.signature"},
                    {"config", config},
                    {"layers", Json::array({config})},
                    {"subject", Json::object({{"mediaType", kOciManifest},
                                              {"digest", subject->digest.str()},
                                              {"size", subject->size}})}})
          .dump();
  must(client->put_manifest(reference(registry.host() + "/team/app@" + Digest::of(artifact).str()),
                            kOciManifest, artifact, CancelToken()));
  const auto found =
      must(client->referrers(name, subject->digest, "application/x.signature", CancelToken()));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].digest, Digest::of(artifact));
}

TEST(DockerRegistry, TlsWithAnOwnAuthorityNeedsItsCertificate) {
  DockerRegistry registry({.tls = true});
  ClientWorld world;
  world.options.certificate_directories = {registry.certs_dir()};
  expect_round_trip(*world.open(), registry.host());
  ClientWorld stranger;
  stranger.options.certificate_directories = {"/nonexistent"};
  const auto refused =
      stranger.open()->manifest(reference(registry.host() + "/team/app:1"), CancelToken());
  ASSERT_FALSE(refused) << "loopback may be plain http, but no certificate is believed unseen";
  EXPECT_EQ(refused.error().code(), ErrorCode::kPermission) << refused.error().text();
  stranger.options.insecure = {registry.host()};
  must(stranger.open()->manifest(reference(registry.host() + "/team/app:1"), CancelToken()));
}

TEST(DockerRegistry, HtpasswdAccountLogsInPushesAndPulls) {
  DockerRegistry registry({.username = "user", .password = "secret"});
  ClientWorld world;
  EXPECT_FALSE(world.open()->manifest(reference(registry.host() + "/team/app:1"), CancelToken()));
  Credentials wrong = account();
  wrong.password = "other";
  const auto refused = world.open()->log_in(registry.host(), wrong, CancelToken());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnauthenticated);
  world.options.credentials = std::make_shared<OneAccount>(
      must(world.open()->log_in(registry.host(), account(), CancelToken())));
  expect_round_trip(*world.open(), registry.host());
}

TEST(DockerRegistry, TokensOfAnotherServerAreFetchedForEachScope) {
  const TokenSigner signer;
  FakeAuth auth;
  auth.make_token = [&signer](const std::vector<std::string>& scopes) {
    return signer.token(scopes);
  };
  FakeRegistry token_server({.auth = auth});
  DockerRegistry registry({.token_realm = token_server.server().url() + "/token",
                           .token_certificate = signer.certificate()});
  ClientWorld world;
  world.options.credentials = std::make_shared<OneAccount>("user", "secret");
  must(world.open()->log_in(registry.host(), account(), CancelToken()));
  token_server.server().forget_requests();
  expect_round_trip(*world.open(), registry.host());
  EXPECT_LE(token_server.server().count(), 6U) << "one for each set of scopes";
  must(world.open()->remove_manifest(reference(registry.host() + "/team/app:1"), CancelToken()));
  ClientWorld anonymous;
  EXPECT_FALSE(
      anonymous.open()->manifest(reference(registry.host() + "/team/app:1"), CancelToken()));
}

TEST(DockerRegistry, PullsThroughAMirror) {
  DockerRegistry home;
  DockerRegistry mirror({.proxy = home.url()});
  const auto direct = open_client();
  expect_round_trip(*direct, home.host());
  ClientWorld world;
  world.options.mirrors[home.host()] = {mirror.url()};
  const auto manifest =
      must(world.open()->manifest(reference(home.host() + "/team/app:1"), CancelToken()));
  EXPECT_EQ(manifest.digest,
            must(direct->manifest(reference(home.host() + "/team/app:1"), CancelToken())).digest);
  EXPECT_TRUE(world.warnings->empty());
}

}  // namespace
}  // namespace slipway::testing
