// Manifests and indexes: what is read, what is refused, and which platform is chosen.
#include "cachestore/transfer/manifest.h"

#include "tests/cachestore/transfer/image_fixtures.h"

namespace slipway::cachestore {
namespace {

using testing::must;
using testing::plain_image;
using testing::TestImage;

const std::string kSha = Digest::of("x").str();

std::string descriptor(const std::string& type, const std::string& more = "") {
  return R"({"mediaType":")" + type + R"(","digest":")" + kSha + R"(","size":3)" + more + "}";
}
std::string manifest_text(const std::string& more = "", const std::string& layers = "[]") {
  return R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":)" +
         descriptor("application/vnd.oci.image.config.v1+json") + R"(,"layers":)" + layers + more +
         "}";
}
std::string index_text(const std::vector<std::string>& platforms) {
  std::string text =
      R"({"schemaVersion":2,"mediaType":")" + std::string(kIndexType) + R"(","manifests":[)";
  for (const std::string& platform : platforms) {
    if (text.back() != '[') text += ",";
    text += descriptor(std::string(kManifestType),
                       platform.empty() ? "" : R"(,"platform":)" + platform);
  }
  return text + "]}";
}
void expect_refused(const std::string& text, const std::string& type, ErrorCode code,
                    const std::string& cause) {
  const auto document = parse_manifest(text, type, "test");
  ASSERT_FALSE(document) << "accepted: " << text.substr(0, 200);
  EXPECT_EQ(document.error().code(), code) << document.error().text();
  EXPECT_NE(document.error().text().find(cause), std::string::npos) << document.error().text();
}

TEST(ManifestDocument, ReadsAManifestWhateverNeutralNameTheServerGivesIt) {
  for (const char* type : {"", "application/json", "application/octet-stream", "text/plain",
                           "application/vnd.oci.image.manifest.v1+json; charset=utf-8"}) {
    const auto document = must(parse_manifest(manifest_text(), type, "test"));
    EXPECT_EQ(std::get<ImageManifest>(document).config.size, 3U) << type;
  }
}

TEST(ManifestDocument, HeaderAndBodyMustAgree) {
  expect_refused(manifest_text(), std::string(kIndexType), ErrorCode::kInvalid, "calls itself");
  expect_refused(manifest_text(), std::string(kDockerManifestType), ErrorCode::kInvalid,
                 "calls itself");
}

TEST(ManifestDocument, IsOneThingOnly) {
  expect_refused(manifest_text(R"(,"manifests":[])"), std::string(kManifestType),
                 ErrorCode::kInvalid, "both an image and an index");
  std::string index = index_text({});
  index.insert(1, R"("layers":[],)");
  expect_refused(index, std::string(kIndexType), ErrorCode::kInvalid, "both");
  expect_refused(R"({"schemaVersion":2,"manifests":[]})", std::string(kManifestType),
                 ErrorCode::kInvalid, "does not fit its media type");
}

TEST(ManifestDocument, Schema1IsRefusedClearly) {
  for (const char* type : {"application/vnd.docker.distribution.manifest.v1+json",
                           "application/vnd.docker.distribution.manifest.v1+prettyjws", ""}) {
    expect_refused(R"({"schemaVersion":1,"name":"a","tag":"b","fsLayers":[]})", type,
                   ErrorCode::kUnsupported, "schema 1");
  }
}

TEST(ManifestDocument, BadPiecesAreNamed) {
  const std::string type(kManifestType);
  expect_refused("[]", type, ErrorCode::kInvalid, "not an object");
  expect_refused("{", type, ErrorCode::kInvalid, "parse json");
  expect_refused(R"({"schemaVersion":3})", type, ErrorCode::kInvalid, "schemaVersion");
  expect_refused(R"({"schemaVersion":2})", "application/x-tar", ErrorCode::kUnsupported,
                 "application/x-tar");
  expect_refused(manifest_text("", "[{}]"), type, ErrorCode::kInvalid, "layer 1");
  expect_refused(manifest_text("", R"([{"mediaType":"a","digest":")" + kSha + R"("}])"), type,
                 ErrorCode::kInvalid, "layer 1 has no size");
  expect_refused(manifest_text("", R"([{"mediaType":"a","digest":")" + kSha + R"(","size":-1}])"),
                 type, ErrorCode::kInvalid, "layer 1 has no size");
  expect_refused(manifest_text("", R"([{"mediaType":"a","digest":"sha256:../../x","size":1}])"),
                 type, ErrorCode::kInvalid, "digest");
}

TEST(ManifestDocument, LayersEntriesAndBytesAreBounded) {
  std::string layers = "[";
  for (int i = 0; i < 501; ++i) layers += (i > 0 ? "," : "") + descriptor("a");
  expect_refused(manifest_text("", layers + "]"), "", ErrorCode::kInvalid, "500 layers");
  expect_refused(index_text(std::vector<std::string>(1'001)), "", ErrorCode::kInvalid, "1000");
  expect_refused(std::string(std::size_t{5} << 20, ' '), "", ErrorCode::kInvalid, "4 MiB");
}

TEST(ManifestDocument, ForeignLayersAreToldFromUnknownOnes) {
  RemoteDescriptor layer;
  layer.media_type = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
  EXPECT_NE(layer_form(layer).error().text().find("foreign"), std::string::npos);
  layer.media_type = "application/x-\x1b[31m";
  EXPECT_EQ(layer_form(layer).error().text().find('\x1b'), std::string::npos);
  layer.media_type = "application/vnd.oci.image.layer.v1.tar+zstd";
  EXPECT_EQ(must(layer_form(layer)), LayerForm::kTarZstd);
}

TEST(PlatformChoice, ReadsAndWritesPlatforms) {
  EXPECT_EQ(must(Platform::parse("linux/arm64/v8")).str(), "linux/arm64");
  EXPECT_EQ(must(Platform::parse("aarch64")).str(), "linux/arm64");
  EXPECT_EQ(must(Platform::parse("linux/arm/v6")).str(), "linux/arm/v6");
  EXPECT_EQ(must(Platform::parse("linux/x86_64")).str(), "linux/amd64");
  EXPECT_EQ(must(Platform::parse("linux/armhf")).str(), "linux/arm/v7");
  EXPECT_EQ(Platform::host().os, "linux");
  for (const char* bad : {"", "/", "linux/", "a/b/c/d", "linux/a b", "linux/\x1b"}) {
    EXPECT_FALSE(Platform::parse(bad)) << bad;
  }
}

TEST(PlatformChoice, OlderVariantsRunOnNewerMachines) {
  const auto distance = [](const char* wanted, const char* offered) {
    return platform_distance(must(Platform::parse(wanted)), must(Platform::parse(offered)));
  };
  EXPECT_EQ(distance("linux/arm64", "linux/arm64/v8"), 0);
  EXPECT_EQ(distance("linux/arm/v7", "linux/arm/v6"), 1);
  EXPECT_EQ(distance("linux/arm/v7", "linux/arm/v5"), 2);
  EXPECT_EQ(distance("linux/arm/v6", "linux/arm/v7"), std::nullopt);
  EXPECT_EQ(distance("linux/amd64/v3", "linux/amd64"), 2);
  EXPECT_EQ(distance("linux/amd64", "linux/amd64/v3"), std::nullopt);
  EXPECT_EQ(distance("linux/amd64", "linux/386"), std::nullopt);
  EXPECT_EQ(distance("windows/amd64", "linux/amd64"), std::nullopt);
}

TEST(PlatformChoice, SkipsAttestationsAndPutsTheNearestFirst) {
  const std::string text = index_text({
      R"({"os":"linux","architecture":"arm","variant":"v5"})",
      R"({"os":"unknown","architecture":"unknown"})",
      R"({"os":"linux","architecture":"arm","variant":"v6"})",
      R"({"os":"linux","architecture":"amd64"})",
      "",
  });
  const auto index = std::get<ImageIndex>(must(parse_manifest(text, "", "test")));
  EXPECT_EQ(index.entries.size(), 4U);
  const auto found = choose(index, must(Platform::parse("linux/arm/v7")));
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0]->platform.variant, "v6");
  EXPECT_EQ(found[1]->platform.variant, "v5");
  EXPECT_FALSE(found[2]->has_platform);
}

class PullIndex : public testing::TransferTest {
 protected:
  Json entry(const Digest& digest, const char* architecture, const char* variant = "") {
    const std::string bytes = registry_.manifest_of(kRepository, digest);
    const bool index = bytes.find("\"manifests\"") != std::string::npos;
    Json platform = Json::object({{"os", "linux"}, {"architecture", architecture}});
    if (*variant != '\0') platform.set("variant", variant);
    return Json::object({{"mediaType", index ? kIndexType : kManifestType},
                         {"digest", digest.str()},
                         {"size", bytes.size()},
                         {"platform", std::move(platform)}});
  }
  Digest publish_index(Json entries, const std::string& tag = "1") {
    const Json index = Json::object(
        {{"schemaVersion", 2}, {"mediaType", kIndexType}, {"manifests", std::move(entries)}});
    return registry_.put_manifest(kRepository, tag, std::string(kIndexType), index.dump());
  }
  TestImage image(const char* architecture, int layers) {
    TestImage made = plain_image(layers);
    made.architecture = architecture;
    return made;
  }
};

TEST_F(PullIndex, TakesTheImageOfThePlatformAndKeepsTheIndexDigest) {
  TestImage amd = image("amd64", 1);
  TestImage arm = image("arm64", 2);
  const Digest amd_digest = amd.publish(registry_, kRepository, "");
  const Digest arm_digest = arm.publish(registry_, kRepository, "");
  const Digest index =
      publish_index(Json::array({entry(amd_digest, "amd64"), entry(arm_digest, "arm64", "v8")}));
  platform_ = must(Platform::parse("linux/arm64"));
  const Pulled pulled = must(pull());
  EXPECT_EQ(pulled.digest, index);
  EXPECT_EQ(pulled.image.manifest, arm_digest);
  EXPECT_EQ(pulled.image.layers.size(), 2U);
  EXPECT_EQ(pulled.image.digests.size(), 2U) << "of the index and of the manifest";
  EXPECT_EQ(must(store_->image("reg.test/app@" + index.str())).id, pulled.image.id);
  EXPECT_FALSE(must(pull()).changed);
  platform_ = must(Platform::parse("linux/amd64"));
  const Pulled other = must(pull());
  EXPECT_EQ(other.image.manifest, amd_digest);
  EXPECT_EQ(must(store_->image("reg.test/app:1")).id, other.image.id);
}

TEST_F(PullIndex, ListsWhatThereIsWhenNothingSuits) {
  const Digest amd = image("amd64", 1).publish(registry_, kRepository, "");
  publish_index(Json::array({entry(amd, "amd64"), entry(amd, "arm", "v7")}));
  platform_ = must(Platform::parse("linux/s390x"));
  expect_pull_fails(ErrorCode::kNotFound,
                    "no image for linux/s390x; there is linux/amd64, linux/arm/v7");
}

TEST_F(PullIndex, APlatformThatWasAskedForHoldsForASingleManifestToo) {
  image("amd64", 1).publish(registry_, kRepository, "1");
  platform_ = must(Platform::parse("linux/s390x"));
  expect_pull_fails(ErrorCode::kNotFound, "no image for linux/s390x; there is linux/amd64");
}

TEST_F(PullIndex, GoesTwoIndexesDeepAndNoDeeper) {
  const Digest amd = image("amd64", 1).publish(registry_, kRepository, "");
  platform_ = must(Platform::parse("linux/amd64"));
  const Digest inner = publish_index(Json::array({entry(amd, "amd64")}), "");
  const Digest middle = publish_index(Json::array({entry(inner, "amd64")}), "1");
  EXPECT_EQ(must(pull()).image.manifest, amd);
  must(store_->remove_image("reg.test/app:1"));
  publish_index(Json::array({entry(middle, "amd64")}), "1");
  expect_pull_fails(ErrorCode::kInvalid, "more than 2 deep");
}

TEST_F(PullIndex, LooksAtNoMoreThan64Documents) {
  platform_ = must(Platform::parse("linux/amd64"));
  Json inner = Json::array();
  Json entries = Json::array();
  for (int i = 0; i < 70; ++i) {
    // Indexes that hold nothing for us, all different.
    const Json one = Json::object({{"schemaVersion", 2},
                                   {"mediaType", kIndexType},
                                   {"annotations", Json::object({{"n", i}})},
                                   {"manifests", Json::array()}});
    entries.push(entry(registry_.put_manifest(kRepository, "", std::string(kIndexType), one.dump()),
                       "amd64"));
  }
  publish_index(std::move(entries));
  expect_pull_fails(ErrorCode::kInvalid, "64 documents");
  EXPECT_LE(registry_.calls("manifest"), 64);
}

TEST_F(PullIndex, AnEntryMustBeWhatTheIndexSays) {
  const Digest amd = image("amd64", 1).publish(registry_, kRepository, "");
  platform_ = must(Platform::parse("linux/amd64"));
  Json wrong_size = entry(amd, "amd64");
  wrong_size.set("size", 12);
  publish_index(Json::array({std::move(wrong_size)}));
  expect_pull_fails(ErrorCode::kCorrupt, "the index says");
  Json wrong_type = entry(amd, "amd64");
  wrong_type.set("mediaType", kDockerManifestType);
  publish_index(Json::array({std::move(wrong_type)}));
  expect_pull_fails(ErrorCode::kInvalid, "the index calls it");
}

}  // namespace
}  // namespace slipway::cachestore
