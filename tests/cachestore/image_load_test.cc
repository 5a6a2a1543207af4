// Loading archives as other tools write them, and ones nobody should write.
#include "tests/cachestore/image_archive_fixtures.h"

namespace slipway::cachestore {
namespace {

using testing::add_oci_image;
using testing::ArchiveFiles;
using testing::ArchiveTest;
using testing::config_text;
using testing::content_of;
using testing::docker_archive;
using testing::layer_tar;
using testing::must;
using testing::set_index;
using testing::TarWriter;

class LoadImages : public ArchiveTest {
 protected:
  void expect_refused(const std::string& archive, ErrorCode code, const std::string& cause) {
    const auto loaded = load(archive);
    ASSERT_FALSE(loaded) << cause;
    EXPECT_EQ(loaded.error().code(), code) << loaded.error().text();
    EXPECT_NE(loaded.error().text().find(cause), std::string::npos) << loaded.error().text();
    EXPECT_NE(loaded.error().text().find("images.tar"), std::string::npos) << loaded.error().text();
    expect_nothing_left(cause);
  }
  static Json with_name(Json descriptor, const char* annotation, const std::string& name) {
    descriptor.set("annotations", Json::object({{annotation, name}}));
    return descriptor;
  }
  static Json for_platform(Json descriptor, const std::string& architecture) {
    descriptor.set("platform", Json::object({{"os", "linux"}, {"architecture", architecture}}));
    return descriptor;
  }
  const std::string one_ = layer_tar("one", "1");
  const std::string two_ = layer_tar("two", "2");
};

constexpr std::string_view kGzipType = "application/vnd.oci.image.layer.v1.tar+gzip";
constexpr const char* kName = "io.containerd.image.name";
constexpr const char* kRefName = "org.opencontainers.image.ref.name";

TEST_F(LoadImages, DockersOldForm) {
  const auto loaded = must(load(docker_archive({one_, two_}, {"app:1", "reg.io/app:2"}).pack()));
  ASSERT_EQ(loaded.size(), 1U);
  EXPECT_TRUE(loaded[0].changed);
  EXPECT_EQ(loaded[0].id, Digest::of(config_text({one_, two_})));
  EXPECT_EQ(loaded[0].names.size(), 2U);
  const Image image = must(store_->image("reg.io/app:2"));
  EXPECT_EQ(content_of(image.layers.at(1).path + "/two"), "2");
  EXPECT_EQ(image.config.env, std::vector<std::string>{"A=1"});
}

TEST_F(LoadImages, LayersBehindLinksOfBothKinds) {
  ArchiveFiles files = docker_archive({one_, two_}, {"app:1"});
  TarWriter tar = files.tar();
  const Json manifest = must(parse_json(files.files.back().second));
  const std::string first(manifest.items()[0]["Layers"].items()[0].string_or(""));
  tar.symlink("linked/layer.tar", "../" + first).hardlink("hard/layer.tar", first);
  const std::string config = config_text({one_, one_, one_});
  tar.file("config.js", config);
  tar.file("manifest.json", R"([{"Config":"config.js","RepoTags":null,"Layers":[")" + first +
                                R"(","linked/layer.tar","hard/layer.tar"]}])");
  // The last manifest.json would win in other tools; two that differ are refused here.
  EXPECT_FALSE(load(tar.finish()));
  files.drop("manifest.json");
  TarWriter again = files.tar();
  again.symlink("linked/layer.tar", "../" + first).hardlink("./hard/layer.tar", "./" + first);
  again.file("./config.js", config);
  again.file("manifest.json", R"([{"Config":"config.js","RepoTags":null,"Layers":[")" + first +
                                  R"(","linked/layer.tar","hard/layer.tar"]}])");
  const auto loaded = must(load(again.finish()));
  EXPECT_TRUE(loaded.at(0).names.empty());
  EXPECT_EQ(must(store_->image(loaded.at(0).id.str())).layers.size(), 3U);
}

TEST_F(LoadImages, CompressedArchivesAndLayersAlsoFromAPipe) {
  ArchiveFiles files = docker_archive({one_}, {"app:1"});
  const Json manifest = must(parse_json(files.files.back().second));
  files.set(std::string(manifest.items()[0]["Layers"].items()[0].string_or("")),
            testing::zstd(one_));
  for (const std::string& archive :
       {files.pack(), testing::gzip(files.pack()), testing::zstd(files.pack())}) {
    auto pipe = must(sys::make_pipe());
    ASSERT_LT(archive.size(), 60'000U) << "fits into a pipe";
    must(write_all(pipe.write.get(), archive, "pipe"));
    pipe.write.reset();
    LoadRequest request;
    request.fd = pipe.read.get();
    request.source = "pipe";
    must(load_images(*store_, request, CancelToken()));
    EXPECT_EQ(content_of(must(store_->image("app:1")).layers.at(0).path + "/one"), "1");
  }
}

TEST_F(LoadImages, AnOciLayoutWithNamesOfEveryKind) {
  ArchiveFiles files;
  const std::string packed = testing::gzip(one_);
  const Json first = add_oci_image(files, {packed}, config_text({one_}), kGzipType);
  const Json second = add_oci_image(files, {one_, two_}, config_text({one_, two_}), kLayerType);
  set_index(files,
            {with_name(first, kName, "docker.io/library/app:1"),
             with_name(first, kRefName, "quay.io/app:9"), with_name(second, kRefName, "latest")});
  const auto loaded = must(load(files.pack()));
  ASSERT_EQ(loaded.size(), 2U);
  EXPECT_EQ(must(store_->image("quay.io/app:9")).id, must(store_->image("app:1")).id);
  EXPECT_EQ(must(store_->image("app:1")).manifest.str(), first["digest"].string_or(""));
  EXPECT_TRUE(loaded[1].names.empty()) << "a tag alone is no name";
}

TEST_F(LoadImages, OfSeveralPlatformsTheOneOfThisMachine) {
  ArchiveFiles files;
  const std::string here = machine_architecture();
  const Json mine = add_oci_image(files, {one_}, config_text({one_}, here), kLayerType);
  const Json other = add_oci_image(files, {two_}, config_text({two_}, "mips"), kLayerType);
  const std::string nested =
      Json::object(
          {{"schemaVersion", 2},
           {"mediaType", kIndexType},
           {"manifests", Json::array({for_platform(other, "mips"), for_platform(mine, here)})}})
          .dump();
  files.blob(nested);
  set_index(files, {with_name(testing::descriptor(kIndexType, nested), kName, "app:1")});
  const auto loaded = must(load(files.pack()));
  EXPECT_EQ(loaded.at(0).id, Digest::of(config_text({one_}, here)));
  set_index(files, {for_platform(with_name(other, kName, "x:1"), "mips"),
                    for_platform(with_name(other, kName, "x:1"), "sparc")});
  const auto none = load(files.pack());
  ASSERT_FALSE(none);
  EXPECT_NE(none.error().text().find("there is linux/mips, linux/sparc"), std::string::npos)
      << none.error().text();
}

TEST_F(LoadImages, AgainChangesNothingAndAMovedNameTellsFromWhere) {
  const std::string archive = docker_archive({one_}, {"app:1"}).pack();
  const auto first = must(load(archive));
  const Image image = must(store_->image("app:1"));
  const auto again = must(load(testing::gzip(archive)));
  EXPECT_FALSE(again.at(0).changed);
  EXPECT_EQ(must(store_->image("app:1")).manifest, image.manifest);
  const auto moved = must(load(docker_archive({two_}, {"app:1"}).pack()));
  ASSERT_EQ(moved.at(0).replaced.size(), 1U);
  EXPECT_EQ(moved.at(0).replaced[0].second, first.at(0).id);
}

TEST_F(LoadImages, WhatIsNoImageArchiveIsToldSo) {
  expect_refused(layer_tar("etc/passwd", "x"), ErrorCode::kInvalid,
                 "neither a docker archive nor an OCI layout");
  expect_refused(std::string(600, 't'), ErrorCode::kInvalid, "not a tar archive");
  expect_refused(TarWriter().file("repositories", "{}").finish(), ErrorCode::kUnsupported,
                 "before 1.10");
  expect_refused(std::string(10'240, '\0'), ErrorCode::kInvalid, "neither");
}

TEST_F(LoadImages, TruncatedAnywhereIsCorrupt) {
  const std::string archive = docker_archive({one_}, {"app:1"}).pack();
  for (std::size_t part = 1; part < 12; ++part) {
    const auto loaded = load(archive.substr(0, archive.size() * part / 12));
    ASSERT_FALSE(loaded) << part;
    EXPECT_EQ(loaded.error().code(), ErrorCode::kCorrupt) << loaded.error().text();
    expect_nothing_left("part " + std::to_string(part));
  }
  const std::string packed = testing::gzip(archive);
  expect_refused(packed.substr(0, packed.size() / 2), ErrorCode::kCorrupt, "truncated gzip");
}

TEST_F(LoadImages, HostileNamesAndKindsAreRefusedByName) {
  const ArchiveFiles good = docker_archive({one_}, {"app:1"});
  const std::pair<TarWriter, const char*> cases[] = {
      {good.tar().file("/etc/passwd", "x"), "entry \"/etc/passwd\": the name is absolute"},
      {good.tar().file("../../x", "x"), "entry \"../../x\": the name contains \"..\""},
      {good.tar().symlink("l", "/etc/passwd"), "entry \"l\": the link leads out of the archive"},
      {good.tar().symlink("a/l", "../../x"), "entry \"a/l\": the link leads out of the archive"},
      {good.tar().hardlink("h", "../x"), "entry \"h\": the link leads out of the archive"},
      {good.tar().device("dev", '3'), "entry \"dev\": only files, links and directories"},
      {good.tar().device("fifo", '6'), "entry \"fifo\": only files, links and directories"},
      {good.tar().file("manifest.json", "[]"), "entry \"manifest.json\": the archive has it twice"},
      {good.tar().symlink("manifest.json", "x"),
       "entry \"manifest.json\": the archive has it twice"},
  };
  for (const auto& [tar, cause] : cases) {
    expect_refused(tar.finish(), ErrorCode::kInvalid, cause);
  }
  expect_refused(good.tar().file("blobs/sha256/" + std::string(64, 'a'), "x").finish(),
                 ErrorCode::kCorrupt, "its content does not match its digest");
}

TEST_F(LoadImages, DocumentsThatDoNotFitTogetherAreRefused) {
  const auto with_manifest = [&](const std::string& text) {
    return docker_archive({one_}, {"app:1"}).set("manifest.json", text).pack();
  };
  const std::string config = Digest::of(config_text({one_})).hex() + ".json";
  const std::pair<std::string, const char*> cases[] = {
      {"{", "read manifest.json: parse json"},
      {"{}", "it lists no image"},
      {"[]", "it lists no image"},
      {"[{}]", "an image without Config or Layers"},
      {R"([{"Config":"no.json","Layers":[]}])", "there is no \"no.json\", which manifest.json"},
      {R"([{"Config":")" + config + R"(","Layers":["gone/layer.tar"]}])",
       "there is no \"gone/layer.tar\", which manifest.json names"},
      {R"([{"Config":")" + config + R"(","Layers":[]}])", "0 layers, but config sha256:"},
      {R"([{"Config":"manifest.json","Layers":[]}])", "not an object"},
  };
  for (const auto& [text, cause] : cases) {
    expect_refused(with_manifest(text), ErrorCode::kInvalid, cause);
  }
  ArchiveFiles names = docker_archive({one_}, {"Not A Name"});
  expect_refused(names.pack(), ErrorCode::kInvalid, "Not A Name");
}

TEST_F(LoadImages, WhatDoesNotMatchItsDigestIsRefused) {
  ArchiveFiles swapped = docker_archive({one_}, {"app:1"});
  const Json manifest = must(parse_json(swapped.files.back().second));
  swapped.set(std::string(manifest.items()[0]["Layers"].items()[0].string_or("")), two_);
  expect_refused(swapped.pack(), ErrorCode::kCorrupt,
                 "layer.tar\": its content does not match diff ID " + Digest::of(one_).str());
  ArchiveFiles config = docker_archive({one_}, {"app:1"});
  config.set(Digest::of(config_text({one_})).hex() + ".json", config_text({one_}, "arm"));
  expect_refused(config.pack(), ErrorCode::kCorrupt, "its content does not match its digest");
  ArchiveFiles sizes;
  Json image = add_oci_image(sizes, {one_}, config_text({one_}), kLayerType);
  image.set("size", 1);
  set_index(sizes, {image});
  expect_refused(sizes.pack(), ErrorCode::kCorrupt, "has not the size or digest");
}

TEST_F(LoadImages, AHostileLayerIsRefusedAndNamed) {
  const std::string evil = TarWriter().file("../../evil", "x").finish();
  expect_refused(docker_archive({one_, evil}, {"app:1"}).pack(), ErrorCode::kInvalid,
                 "layer.tar\": entry \"../../evil\"");
  expect_refused(docker_archive({std::string(600, 't')}, {"app:1"}).pack(), ErrorCode::kInvalid,
                 "not a tar archive");
}

TEST_F(LoadImages, ArtifactsForeignLayersAndLoopsAreRefused) {
  ArchiveFiles foreign;
  set_index(foreign, {add_oci_image(foreign, {one_}, config_text({one_}),
                                    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")});
  expect_refused(foreign.pack(), ErrorCode::kUnsupported, "foreign");
  ArchiveFiles loop;
  std::string inner =
      Json::object({{"schemaVersion", 2}, {"mediaType", kIndexType}, {"manifests", Json::array()}})
          .dump();
  for (int depth = 0; depth < 6; ++depth) {
    loop.blob(inner);
    inner = Json::object({{"schemaVersion", 2},
                          {"mediaType", kIndexType},
                          {"manifests", Json::array({testing::descriptor(kIndexType, inner)})}})
                .dump();
  }
  loop.blob(inner);
  set_index(loop, {testing::descriptor(kIndexType, inner)});
  expect_refused(loop.pack(), ErrorCode::kInvalid, "nested too deep");
}

TEST_F(LoadImages, DocumentsAreBoundedInAll) {
  // One config of 6 MiB, named by twenty images: neither time nor memory grows with how often it is named.
  ArchiveFiles files;
  const std::string config = R"({"architecture":"amd64","os":"linux","x":")" +
                             std::string(6 << 20, 'x') +
                             R"(","rootfs":{"type":"layers","diff_ids":[]}})";
  files.set("big.js", config);
  std::string list;
  for (int i = 0; i < 20; ++i) {
    list += std::string(i == 0 ? "" : ",") + R"({"Config":"big.js","Layers":[]})";
  }
  files.set("manifest.json", "[" + list + "]");
  expect_refused(files.pack(), ErrorCode::kExhausted, "larger than 64 MiB");
  files.set("manifest.json", R"([{"Config":"big.js","RepoTags":["a:1"],"Layers":[]},)"
                             R"({"Config":"big.js","RepoTags":["a:2"],"Layers":[]}])");
  const auto loaded = must(load(files.pack()));
  ASSERT_EQ(loaded.size(), 1U) << "one image of two names";
  EXPECT_EQ(loaded[0].names.size(), 2U);
}

TEST_F(LoadImages, TooManyEntriesStopEarly) {
  TarWriter tar;
  for (int i = 0; i < 100'000; ++i) tar.dir("d" + std::to_string(i));
  expect_refused(tar.finish(), ErrorCode::kExhausted, "more than 65536 entries");
}

TEST_F(LoadImages, BombsAreBounded) {
  LayerLimits limits;
  limits.max_bytes = 1_MiB;
  store_.reset();
  store_ = must(Store::open({scratch_.path("store"), limits, true}));
  expect_refused(
      testing::gzip(docker_archive({layer_tar("big", std::string(2 << 20, 'x'))}, {}).pack()),
      ErrorCode::kExhausted, "unpacks to more than");
  ArchiveFiles inner = docker_archive({one_}, {});
  const std::string bomb = testing::gzip(layer_tar("big", std::string(2 << 20, 'x')));
  const Json manifest = must(parse_json(inner.files.back().second));
  inner.set(std::string(manifest.items()[0]["Layers"].items()[0].string_or("")), bomb);
  expect_refused(inner.pack(), ErrorCode::kExhausted, "unpacks to more than");
}

TEST_F(LoadImages, ACancelledLoadLeavesNothing) {
  const CancelToken cancel;
  cancel.cancel(CancelLevel::kTerminate);
  const Fd fd = scratch_.file("images.tar", docker_archive({one_}, {"app:1"}).pack());
  LoadRequest request;
  request.fd = fd.get();
  request.source = "images.tar";
  const auto loaded = load_images(*store_, request, cancel);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code(), ErrorCode::kCancelled);
  expect_nothing_left("cancelled");
}

}  // namespace
}  // namespace slipway::cachestore
