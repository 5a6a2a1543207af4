// Files in registries: the way there and back, ORAS's words, and titles that would lead elsewhere.
#include "tests/cachestore/transfer/image_fixtures.h"

namespace slipway::cachestore {
namespace {

using testing::content_of;
using testing::lstat_of;
using testing::must;
using testing::Scratch;
using testing::TarWriter;

class RegistryArtifact : public ::testing::Test {
 protected:
  Result<Pushed> push(const std::vector<std::string>& paths) {
    ArtifactPush request;
    request.name = name_;
    request.dir_fd = from_.get();
    request.paths = paths;
    return push_artifact(registry_, request, nullptr, CancelToken());
  }
  Result<ArtifactPulled> pull() {
    return pull_artifact(registry_, name_, to_.get(), nullptr, CancelToken());
  }
  void put(const std::string& name, const std::string& content, mode_t mode = 0644) {
    must(make_dirs(scratch_.path("from/" + name.substr(0, name.rfind('/') + 1)), 0755));
    const Fd fd = scratch_.file("from/" + name, content);
    ASSERT_EQ(::fchmod(fd.get(), mode), 0);
  }
  std::string got(const std::string& name) const { return scratch_.path("to/" + name); }
  // An artifact of one file with the title, made by hand.
  void publish(const std::string& title, const std::string& bytes, bool unpack = false) {
    Json annotations = Json::object({{std::string(kTitle), title}});
    if (unpack) annotations.set("io.deis.oras.content.unpack", "true");
    registry_.put_blob("files", bytes);
    registry_.put_blob("files", "{}");
    const Json manifest = Json::object(
        {{"schemaVersion", 2},
         {"mediaType", kManifestType},
         {"artifactType", "application/vnd.test"},
         {"config",
          Json::object(
              {{"mediaType", kEmptyType}, {"digest", Digest::of("{}").str()}, {"size", 2}})},
         {"layers", Json::array({Json::object({{"mediaType", kLayerType},
                                               {"digest", Digest::of(bytes).str()},
                                               {"size", bytes.size()},
                                               {"annotations", std::move(annotations)}})})}});
    registry_.put_manifest("files", "1", std::string(kManifestType), manifest.dump());
  }
  void expect_refused(const std::string& cause) {
    const auto pulled = pull();
    ASSERT_FALSE(pulled) << "not refused: " << cause;
    EXPECT_NE(pulled.error().text().find(cause), std::string::npos) << pulled.error().text();
    EXPECT_EQ(content_of(scratch_.path("outside/secret")), "secret");
    EXPECT_EQ(must(list_dir(outside_.get(), "outside")).size(), 1U);
  }

  Scratch scratch_;
  Fd from_ = scratch_.make_dir("from");
  Fd to_ = scratch_.make_dir("to");
  Fd outside_ = scratch_.make_dir("outside");
  Fd secret_ = scratch_.file("outside/secret", "secret");
  testing::MemoryRegistry registry_;
  const Reference name_ = must(Reference::parse("reg.test/files:1"));
};

TEST_F(RegistryArtifact, FilesAndDirectoriesComeBackAsTheyWere) {
  put("report.txt", "all well");
  put("empty", "");
  put("site/index.html", "<p>");
  put("site/bin/tool", "#!", 0755);
  const Pushed pushed = must(push({"report.txt", "site", "empty"}));
  EXPECT_EQ(pushed.layers, 3U);
  const ArtifactPulled pulled = must(pull());
  EXPECT_EQ(pulled.digest, pushed.digest);
  EXPECT_EQ(pulled.paths, (std::vector<std::string>{"report.txt", "site", "empty"}));
  EXPECT_EQ(content_of(got("report.txt")), "all well");
  EXPECT_EQ(content_of(got("empty")), "");
  EXPECT_EQ(content_of(got("site/index.html")), "<p>");
  EXPECT_EQ(lstat_of(got("site/bin/tool")).st_mode & 0777U, 0755U);
  EXPECT_EQ(must(list_dir(to_.get(), "to")).size(), 3U) << "nothing but what was asked for";
}

TEST_F(RegistryArtifact, UsesTheWordsOfOras) {
  put("site/index.html", "<p>");
  put("a.txt", "a");
  const Pushed pushed = must(push({"a.txt", "site"}));
  const Json manifest = must(parse_json(registry_.manifest_of("files", pushed.digest)));
  EXPECT_EQ(manifest["artifactType"].string_or(""), "application/vnd.slipway.artifact.v1");
  EXPECT_EQ(manifest["config"]["mediaType"].string_or(""), "application/vnd.oci.empty.v1+json");
  EXPECT_EQ(manifest["config"]["data"].string_or(""), "e30=");
  const Json& file = manifest["layers"].items().at(0);
  EXPECT_EQ(file["mediaType"].string_or(""), "application/vnd.oci.image.layer.v1.tar");
  EXPECT_EQ(file["annotations"]["org.opencontainers.image.title"].string_or(""), "a.txt");
  const Json& directory = manifest["layers"].items().at(1);
  EXPECT_EQ(directory["mediaType"].string_or(""), "application/vnd.oci.image.layer.v1.tar+gzip");
  EXPECT_EQ(directory["annotations"]["io.deis.oras.content.unpack"].string_or(""), "true");
  EXPECT_TRUE(Digest::parse(directory["annotations"]["io.deis.oras.content.digest"].string_or("")));
}

TEST_F(RegistryArtifact, TheSameFilesGiveTheSameDigestAndAreNotSentAgain) {
  put("a.txt", "a");
  const Pushed first = must(push({"a.txt"}));
  const int uploads = registry_.calls("upload_blob");
  const Pushed second = must(push({"a.txt"}));
  EXPECT_EQ(second.digest, first.digest);
  EXPECT_EQ(second.layers_present, 1U);
  EXPECT_EQ(registry_.calls("upload_blob"), uploads);
}

TEST_F(RegistryArtifact, TitlesCannotLeaveTheDirectory) {
  for (const char* title : {"../outside/secret", "/etc/passwd", "a/../../outside/secret"}) {
    publish(title, "evil");
    expect_refused(title[0] == '/' ? "absolute" : "..");
  }
  ASSERT_EQ(::symlinkat("../outside", to_.get(), "link"), 0);
  publish("link/secret", "evil");
  expect_refused("leads through a link");
  publish(".", "evil");
  expect_refused("directory itself");
}

TEST_F(RegistryArtifact, ALinkInTheWayIsReplacedAndNotWrittenThrough) {
  ASSERT_EQ(::symlinkat("../outside/secret", to_.get(), "file"), 0);
  publish("file", "new");
  must(pull());
  EXPECT_EQ(content_of(got("file")), "new");
  EXPECT_EQ(content_of(scratch_.path("outside/secret")), "secret");
}

TEST_F(RegistryArtifact, GitDirectoriesAreLeftOut) {
  publish(".git/hooks/pre-commit", "evil");
  EXPECT_TRUE(must(pull()).paths.empty());
  EXPECT_FALSE(path_exists(got(".git")));
}

TEST_F(RegistryArtifact, PackedDirectoriesObeyTheSameRules) {
  TarWriter tar;
  tar.symlink("d", "../outside").file("d/secret", "evil");
  publish("d", testing::gzip(tar.finish()), true);
  expect_refused("");
  TarWriter device;
  device.device("null", '3');
  publish("null", testing::gzip(device.finish()), true);
  expect_refused("device");
}

TEST_F(RegistryArtifact, NothingGetsItsNameBeforeItIsVerified) {
  publish("file", "content");
  registry_.tamper = [](const Digest& digest, std::string bytes) {
    return digest == Digest::of("content") ? std::string("c0ntent") : bytes;
  };
  expect_refused("does not match its digest");
  EXPECT_TRUE(must(list_dir(to_.get(), "to")).empty());
}

TEST_F(RegistryArtifact, AnImageIsNoArtifact) {
  testing::plain_image(1).publish(registry_, "files", "1");
  expect_refused("image and no artifact");
}

TEST_F(RegistryArtifact, WhatIsPushedLiesBelowTheDirectory) {
  put("a.txt", "a");
  for (const char* path : {"../outside/secret", "/etc/passwd", ".", "nothing"}) {
    EXPECT_FALSE(push({path})) << path;
  }
  EXPECT_FALSE(push({"a.txt", "./a.txt"}));
  EXPECT_EQ(registry_.calls("put_manifest"), 0);
}

}  // namespace
}  // namespace slipway::cachestore
