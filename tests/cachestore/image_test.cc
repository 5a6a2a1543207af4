// Importing, naming, inspecting and removing images.
#include "cachestore/index/database.h"
#include "tests/cachestore/fixtures.h"

namespace slipway::cachestore {
namespace {

using testing::content_of;
using testing::must;
using testing::Scratch;
using testing::TarWriter;

class Images : public ::testing::Test {
 protected:
  Reference name(const std::string& text) { return must(Reference::parse(text)); }
  Result<Image> try_import(const std::string& archive, const std::string& as) {
    const Fd fd = scratch_.file("rootfs.tar", archive);
    ImportRequest request;
    request.fd = fd.get();
    request.source = "/some/where/rootfs.tar";
    request.name = name(as);
    request.config.env = {"PATH=/bin"};
    request.config.cmd = {"/bin/sh"};
    return store_->import_image(request, CancelToken());
  }
  Image import(const std::string& archive, const std::string& as) {
    return must(try_import(archive, as));
  }
  static std::string archive(const std::string& content) {
    return TarWriter().dir("./", 0755).file("./bin/sh", content, 0755).finish();
  }
  std::vector<std::string> names_in(const std::string& dir) {
    const Fd fd = scratch_.open("store/" + dir, O_RDONLY | O_DIRECTORY);
    return must(list_dir(fd.get(), dir));
  }
  static RemoveImage forced() {
    RemoveImage how;
    how.force = true;
    return how;
  }
  Json json_of(const std::string& text) { return must(parse_json(text)); }

  Scratch scratch_;
  std::shared_ptr<Store> store_ = must(Store::open({scratch_.path("store"), {}, true}));
};

TEST_F(Images, AnImportedArchiveIsAnImageOfOneLayer) {
  const std::string tar = archive("shell");
  const Image image = import(tar, "base:1");
  EXPECT_EQ(image.names, std::vector{name("base:1")});
  ASSERT_EQ(image.layers.size(), 1U);
  EXPECT_EQ(image.diff_ids.front(), Digest::of(tar));
  EXPECT_EQ(content_of(image.layers.front().path + "/bin/sh"), "shell");
  EXPECT_EQ(image.size.value, 5U);
  EXPECT_EQ(image.config.env, std::vector<std::string>{"PATH=/bin"});
  EXPECT_EQ(image.config.os, "linux");
  EXPECT_FALSE(image.config.architecture.empty());
}

TEST_F(Images, TheStoreIsAnOciLayoutWithVerifiedBlobs) {
  const Image image = import(testing::gzip(archive("shell")), "base:1");
  const Json index = json_of(content_of(scratch_.path("store/index.json")));
  const Json& entry = index["manifests"].items().at(0);
  EXPECT_EQ(entry["annotations"]["org.opencontainers.image.ref.name"].string_or(""),
            "docker.io/library/base:1");
  EXPECT_EQ(entry["digest"].string_or(""), image.manifest.str());
  const std::string text = must(store_->read_blob(image.manifest, 4_MiB));
  EXPECT_EQ(entry["size"].int_or(0), static_cast<std::int64_t>(text.size()));
  const Json manifest = json_of(text);
  EXPECT_EQ(manifest["config"]["digest"].string_or(""), image.id.str());
  const Json& layer = manifest["layers"].items().at(0);
  EXPECT_EQ(layer["mediaType"].string_or(""), "application/vnd.oci.image.layer.v1.tar+gzip");
  const Digest blob = must(Digest::parse(layer["digest"].string_or("")));
  EXPECT_EQ(must(store_->read_blob(blob, 64_MiB)), testing::gzip(archive("shell")));
  EXPECT_EQ(content_of(scratch_.path("store/oci-layout")), R"({"imageLayoutVersion":"1.0.0"})");
}

TEST_F(Images, OneContentIsOneLayerHoweverItCame) {
  const std::string tar = archive("same");
  const Image plain = import(tar, "a");
  const Image zstd = import(testing::zstd(tar), "b");
  const Image gzip = import(testing::gzip(tar), "c");
  const Image again = import(tar, "d");
  for (const Image* image : {&zstd, &gzip, &again}) {
    EXPECT_EQ(image->layers.front().id, plain.layers.front().id);
  }
  EXPECT_EQ(names_in("snapshots").size(), 1U);
}

TEST_F(Images, AreFoundByNameIdAndPrefix) {
  const Image image = import(archive("x"), "host:5000/team/app:2");
  for (const std::string& text :
       {std::string("host:5000/team/app:2"), image.id.str(), image.id.hex(),
        image.id.hex().substr(0, 12), image.id.str().substr(0, 13),
        "host:5000/team/app@" + image.manifest.str()}) {
    EXPECT_EQ(must(store_->image(text)).id, image.id) << text;
  }
}

TEST_F(Images, AMissingImageOffersANearName) {
  import(archive("x"), "debian:12");
  const auto missing = store_->image("debain:12");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().text(),
            "find image \"debain:12\": no such image; did you mean \"debian:12\"?");
  EXPECT_EQ(store_->image("BAD NAME").error().code(), ErrorCode::kInvalid);
  EXPECT_EQ(store_->image("dead").error().code(), ErrorCode::kNotFound);
}

TEST_F(Images, ANameMovesToTheNewImageAndTheOldOneStays) {
  const Image old = import(archive("old"), "app");
  const Image fresh = import(archive("new"), "app");
  EXPECT_EQ(must(store_->image("app")).id, fresh.id);
  EXPECT_TRUE(must(store_->image(old.id.str())).names.empty());
  EXPECT_EQ(must(store_->images()).size(), 2U);
}

TEST_F(Images, TheLastNameTakesTheContentAlong) {
  const Image image = import(archive("x"), "one");
  must(store_->tag_image("one", name("two:2")));
  auto removed = must(store_->remove_image("one"));
  EXPECT_EQ(removed.untagged, std::vector<std::string>{"docker.io/library/one:latest"});
  EXPECT_TRUE(removed.deleted.empty());
  removed = must(store_->remove_image("two:2"));
  EXPECT_EQ(removed.deleted, std::vector{image.id});
  EXPECT_TRUE(names_in("snapshots").empty());
  EXPECT_TRUE(names_in("blobs/sha256").empty());
  EXPECT_TRUE(must(store_->images()).empty());
  EXPECT_FALSE(store_->remove_image("one"));
}

TEST_F(Images, RemovingByIdTakesTheTagsOfOneRepositoryAndMoreOnlyByForce) {
  const Image image = import(archive("x"), "one");
  must(store_->tag_image(image.id.short_hex(), name("one:2")));
  must(store_->tag_image(image.id.short_hex(), name("two")));
  const auto refused = store_->remove_image(image.id.short_hex());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kConflict);
  EXPECT_EQ(refused.error().text(),
            "remove image \"" + image.id.short_hex() +
                "\": it has names in several repositories: one:2, one:latest, two:latest; --force "
                "removes them all");
  must(store_->remove_image("two"));
  EXPECT_EQ(must(store_->remove_image(image.id.str())).untagged.size(), 2U);
  EXPECT_TRUE(must(store_->images()).empty());
  const Image again = import(archive("y"), "one");
  must(store_->tag_image("one", name("two")));
  EXPECT_EQ(must(store_->remove_image(again.id.str(), forced())).untagged.size(), 2U);
  EXPECT_TRUE(must(store_->images()).empty());
}

TEST_F(Images, WhatAStoppedContainerUsesStays) {
  const Image image = import(archive("x"), "app");
  must(store_->hold_image(image.id, "container web"));
  must(store_->hold_image(image.id, "container db"));
  must(store_->hold_image(image.id, "container db"));
  const auto refused = store_->remove_image("app");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kConflict);
  EXPECT_NE(refused.error().text().find("used by container"), std::string::npos);
  EXPECT_NE(refused.error().text().find("and 1 more"), std::string::npos);
  // Another process knows, too; by force the name goes and the content stays.
  store_ = must(Store::open({scratch_.path("store"), {}, true}));
  const auto removed = must(store_->remove_image("app", forced()));
  EXPECT_EQ(removed.untagged.size(), 1U);
  EXPECT_TRUE(removed.deleted.empty());
  must(store_->collect({0}));
  EXPECT_EQ(content_of(must(store_->image(image.id.str())).layers.front().path + "/bin/sh"), "x");
  must(store_->release_image(image.id, "container web"));
  EXPECT_FALSE(store_->remove_image(image.id.str()));
  must(store_->release_image(image.id, "container db"));
  EXPECT_EQ(must(store_->remove_image(image.id.str())).deleted.size(), 1U);
  EXPECT_TRUE(names_in("snapshots").empty());
  EXPECT_EQ(store_->hold_image(image.id, "container late").error().code(), ErrorCode::kNotFound);
}

TEST_F(Images, PruningLeavesWhatRunsOrHasAName) {
  const Image image = import(archive("x"), "app");
  RemoveImage dangling;
  dangling.only_unused = dangling.only_unnamed = true;
  EXPECT_EQ(store_->remove_image(image.id.str(), dangling).error().code(), ErrorCode::kConflict);
  RemoveImage unused;
  unused.only_unused = true;
  {
    const Lease running = must(store_->lease({image.layers.back().id}));
    EXPECT_EQ(store_->remove_image(image.id.str(), unused).error().code(), ErrorCode::kConflict);
  }
  const auto removed = must(store_->remove_image(image.id.str(), unused));
  EXPECT_EQ(removed.deleted, std::vector{image.id});
  EXPECT_GT(removed.freed.value, archive("x").size());
}

TEST_F(Images, CollectTakesBlobsWithoutAnImageOnceTheyAreOld) {
  const Digest young = must(store_->put_blob("young"));
  const Digest old = must(store_->put_blob("old"));
  const Image image = import(archive("x"), "app");
  {
    auto database = must(Database::open(scratch_.path("store/store.db"), false));
    must(database.exec("UPDATE blobs SET created = 0 WHERE size <> 5"));
  }
  const auto collected = must(store_->collect({0}));
  EXPECT_EQ(collected.blobs, 1U);
  EXPECT_EQ(collected.freed.value, 3U);
  EXPECT_TRUE(store_->has_blob(young));
  EXPECT_FALSE(store_->has_blob(old));
  EXPECT_TRUE(store_->image("app"));
}

TEST_F(Images, SharedContentStaysUntilItsLastImageGoes) {
  const std::string tar = archive("shared");
  const Image first = import(tar, "first");
  const Image second = import(testing::gzip(tar), "second");
  must(store_->remove_image("first"));
  EXPECT_EQ(content_of(must(store_->image("second")).layers.front().path + "/bin/sh"), "shared");
  must(store_->remove_image("second"));
  EXPECT_TRUE(names_in("snapshots").empty());
}

TEST_F(Images, ALeasedLayerOutlivesItsImage) {
  const Image image = import(archive("busy"), "app");
  {
    const Lease lease = must(store_->lease({image.layers.front().id}));
    must(store_->remove_image("app"));
    EXPECT_EQ(content_of(image.layers.front().path + "/bin/sh"), "busy");
    EXPECT_TRUE(must(store_->images()).empty());
  }
  must(store_->prune(SnapshotKind::kLayer, WallTime::max()));
  EXPECT_TRUE(names_in("snapshots").empty());
}

TEST_F(Images, PruneKeepsLayersOfImages) {
  const Image image = import(archive("x"), "app");
  EXPECT_EQ(must(store_->prune(SnapshotKind::kLayer, WallTime::max())).snapshots, 0U);
  EXPECT_TRUE(store_->image("app"));
}

TEST_F(Images, AFailedImportLeavesNothing) {
  std::string broken = archive("x");
  broken[512 + 7] ^= 1;
  const auto result = try_import(broken, "app");
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().text().starts_with("import app:latest: ")) << result.error().text();
  EXPECT_FALSE(store_->image("app"));
  EXPECT_TRUE(names_in("snapshots").empty());
  EXPECT_TRUE(names_in("blobs/sha256").empty());
}

TEST_F(Images, ReadsFromAPipe) {
  auto pipe = must(sys::make_pipe());
  const std::string tar = archive("piped");
  must(write_all(pipe.write.get(), tar, "pipe"));  // far below a pipe's 64 KiB
  pipe.write.reset();
  ImportRequest request;
  request.fd = pipe.read.get();
  request.source = "-";
  request.name = name("piped");
  std::uint64_t last = 0;
  request.progress = [&](const ImportProgress& progress) { last = progress.bytes_read; };
  const Image image = must(store_->import_image(request, CancelToken()));
  EXPECT_EQ(content_of(image.layers.front().path + "/bin/sh"), "piped");
  EXPECT_EQ(last, tar.size());
}

TEST_F(Images, InspectHasDockersShape) {
  const Image image = import(archive("x"), "app:1");
  const Json json = must(store_->inspect_image("app:1"));
  EXPECT_EQ(json["Id"].string_or(""), image.id.str());
  EXPECT_EQ(json["RepoTags"].items().at(0).string_or(""), "app:1");
  EXPECT_EQ(json["Config"]["Cmd"].items().at(0).string_or(""), "/bin/sh");
  EXPECT_EQ(json["RootFS"]["Type"].string_or(""), "layers");
  EXPECT_EQ(json["RootFS"]["Layers"].items().at(0).string_or(""), image.diff_ids.front().str());
  EXPECT_EQ(json["Os"].string_or(""), "linux");
}

TEST_F(Images, ADamagedConfigIsCorruptNotBelieved) {
  const Image image = import(archive("x"), "app");
  const std::string path = scratch_.path("store/blobs/sha256/" + image.id.hex());
  std::string text = content_of(path);
  text[text.size() / 2] ^= 1;
  must(write_file_atomic(path, text, 0600));
  const auto damaged = store_->image("app");
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code(), ErrorCode::kCorrupt);
  EXPECT_NE(damaged.error().text().find(image.id.hex()), std::string::npos);
}

TEST_F(Images, BlobsAreReadWithinALimit) {
  const Digest digest = must(store_->put_blob("twelve bytes"));
  EXPECT_TRUE(store_->has_blob(digest));
  EXPECT_EQ(must(store_->read_blob(digest, {12})), "twelve bytes");
  EXPECT_FALSE(store_->read_blob(digest, {11}));
  EXPECT_EQ(store_->read_blob(Digest::of("x"), {12}).error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace slipway::cachestore
