// Saving images, and loading in another store what was saved.
#include "tests/cachestore/image_archive_fixtures.h"

namespace slipway::cachestore {
namespace {

using testing::ArchiveTest;
using testing::content_of;
using testing::layer_tar;
using testing::must;
using testing::TarWriter;

class SaveImages : public ArchiveTest {
 protected:
  Image import(const std::string& archive, const std::string& name) {
    const Fd fd = scratch_.file("rootfs.tar", archive);
    ImportRequest request;
    request.fd = fd.get();
    request.source = "rootfs.tar";
    request.name = must(Reference::parse(name));
    return must(store_->import_image(request, CancelToken()));
  }
  Image derive(const Image& base, const std::string& name) {
    Draft draft = must(store_->begin());
    must(write_file_atomic(draft.upper() + "/made", "here", 0644));
    CreateImage request;
    request.parent = base.id;
    request.config = base.config;
    request.name = must(Reference::parse(name));
    request.steps.emplace_back().draft = std::move(draft);
    return must(store_->create_image(std::move(request), CancelToken()));
  }
};

TEST_F(SaveImages, AnotherStoreLoadsTheSameImageOfStoredAndUnpackedLayers) {
  const Image base = import(testing::gzip(layer_tar("base", "b")), "base:1");
  const Image app = derive(base, "host:5000/team/app:2");
  must(store_->tag_image("base:1", must(Reference::parse("other"))));
  const auto other = open_store("other");
  const auto loaded = must(load(must(save({"host:5000/team/app:2", "base:1", "other"})), other));
  ASSERT_EQ(loaded.size(), 2U);
  EXPECT_EQ(loaded[0].id, app.id);
  EXPECT_EQ(loaded[1].names.size(), 2U);
  const Image copy = must(other->image("host:5000/team/app:2"));
  EXPECT_EQ(copy.manifest, app.manifest);
  EXPECT_EQ(copy.diff_ids, app.diff_ids);
  EXPECT_EQ(content_of(copy.layers.at(0).path + "/base"), "b");
  EXPECT_EQ(content_of(copy.layers.at(1).path + "/made"), "here");
  EXPECT_EQ(must(other->image("other")).id, base.id);
}

TEST_F(SaveImages, TheSameImagesGiveTheSameBytesAndSharedLayersOnce) {
  const Image base = import(layer_tar("base", std::string(50'000, 'b')), "base");
  derive(base, "app");
  const std::string once = must(save({"app", "base"}));
  EXPECT_EQ(once, must(save({"app", "base"})));
  EXPECT_LT(once.size(), 80'000U) << "one copy of the base";
}

TEST_F(SaveImages, ARepositoryWithoutTagIsAllOfItsTags) {
  import(layer_tar("a", "1"), "app:1");
  import(layer_tar("a", "2"), "app:2");
  import(layer_tar("a", "3"), "apple");
  const auto other = open_store("other");
  EXPECT_EQ(must(load(must(save({"app"})), other)).size(), 2U);
  EXPECT_FALSE(other->image("apple"));
}

TEST_F(SaveImages, ByIdAnImageHasNoName) {
  const Image image = import(layer_tar("a", "1"), "app:1");
  const auto other = open_store("other");
  const auto loaded = must(load(must(save({image.id.short_hex()})), other));
  EXPECT_TRUE(loaded.at(0).names.empty());
  EXPECT_TRUE(must(other->image(image.id.str())).names.empty());
}

TEST_F(SaveImages, AnOciLayoutHasNoDockerManifest) {
  import(layer_tar("a", "1"), "app:1");
  const std::string archive = must(save({"app:1"}, ArchiveFormat::kOci));
  EXPECT_EQ(archive.find("manifest.json"), std::string::npos);
  EXPECT_NE(archive.find("index.json"), std::string::npos);
  const auto other = open_store("other");
  EXPECT_EQ(must(load(archive, other)).at(0).names.at(0).familiar(), "app:1");
}

TEST_F(SaveImages, NamesWhatIsMissingOrDamaged) {
  const auto missing = save({"nope"});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(missing.error().text(), "save image \"nope\": no such image");
  const Image image = import(layer_tar("a", "1"), "app:1");
  const std::string blob = scratch_.path("store/blobs/sha256/" + image.diff_ids.at(0).hex());
  std::string text = content_of(blob);
  text[700] ^= 1;
  must(write_file_atomic(blob, text, 0600));
  const auto damaged = save({"app:1"});
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code(), ErrorCode::kCorrupt);
  EXPECT_EQ(damaged.error().text(), "save app:1: layer " + image.diff_ids.at(0).str() +
                                        ": its content does not match its digest");
}

}  // namespace
}  // namespace slipway::cachestore
