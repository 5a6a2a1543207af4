// Pulling: what arrives, what is refused, and what is asked of the registry.
#include <sys/file.h>

#include <thread>

#include "tests/cachestore/transfer/image_fixtures.h"

namespace slipway::cachestore {
namespace {

using testing::content_of;
using testing::mixed_bytes;
using testing::must;
using testing::plain_image;
using testing::TarWriter;
using testing::TestImage;

class PullImage : public testing::TransferTest {};

TEST_F(PullImage, BringsEveryLayerAndTheDocumentsAsTheyWere) {
  TestImage image = plain_image(3);
  const Digest digest = image.publish(registry_, kRepository, "1");
  const Pulled pulled = must(pull());
  EXPECT_TRUE(pulled.changed);
  EXPECT_EQ(pulled.digest, digest);
  EXPECT_EQ(pulled.layers, 3U);
  EXPECT_EQ(pulled.layers_present, 0U);
  EXPECT_EQ(pulled.image.id, Digest::of(image.config));
  ASSERT_EQ(pulled.image.layers.size(), 3U);
  for (int i = 0; i < 3; ++i) {
    const std::string path = pulled.image.layers[static_cast<std::size_t>(i)].path;
    EXPECT_EQ(content_of(path + "/etc/f" + std::to_string(i)),
              mixed_bytes(50'000, static_cast<unsigned>(i)));
  }
  EXPECT_EQ(must(store_->read_blob(digest, 4_MiB)), image.manifest.dump());
  EXPECT_TRUE(names_in("ingest").empty());
  EXPECT_EQ(must(store_->image("reg.test/app:1")).id, pulled.image.id);
}

TEST_F(PullImage, IsFoundByItsDigestAndShowsIt) {
  const Digest digest = plain_image(1).publish(registry_, kRepository, "1");
  const Pulled pulled = must(pull());
  const std::string name = "reg.test/app@" + digest.str();
  EXPECT_EQ(must(store_->image(name)).id, pulled.image.id);
  ASSERT_EQ(pulled.image.digests.size(), 1U);
  EXPECT_EQ(pulled.image.digests[0].familiar(), name);
  EXPECT_EQ(
      must(store_->inspect_image("reg.test/app:1"))["RepoDigests"].items().at(0).string_or(""),
      name);
}

TEST_F(PullImage, AsksOnceWhenThereIsNothingToDo) {
  plain_image(2).publish(registry_, kRepository, "1");
  must(pull());
  const int manifests = registry_.calls("manifest");
  const int blobs = registry_.calls("fetch_blob");
  const int heads = registry_.calls("find_manifest");
  const Pulled again = must(pull());
  EXPECT_FALSE(again.changed);
  EXPECT_EQ(again.layers_present, 2U);
  EXPECT_EQ(again.bytes, 0U);
  EXPECT_EQ(registry_.calls("manifest"), manifests);
  EXPECT_EQ(registry_.calls("fetch_blob"), blobs);
  EXPECT_EQ(registry_.calls("find_manifest"), heads + 1);
}

TEST_F(PullImage, AsksNothingForADigestThatIsHere) {
  const Digest digest = plain_image(1).publish(registry_, kRepository, "1");
  must(pull());
  const int heads = registry_.calls("find_manifest");
  EXPECT_FALSE(must(pull("reg.test/app@" + digest.str())).changed);
  EXPECT_EQ(registry_.calls("find_manifest"), heads);
}

TEST_F(PullImage, FetchesOnlyTheLayersThatAreMissing) {
  plain_image(2).publish(registry_, kRepository, "1");
  must(pull());
  const int blobs = registry_.calls("fetch_blob");
  plain_image(3).publish(registry_, kRepository, "2");
  const Pulled second = must(pull("reg.test/app:2"));
  EXPECT_EQ(second.layers, 3U);
  EXPECT_EQ(second.layers_present, 2U);
  EXPECT_EQ(registry_.calls("fetch_blob"), blobs + 2) << "the config and one layer";
}

TEST_F(PullImage, MovesTheNameWhenTheTagWasMoved) {
  plain_image(1).publish(registry_, kRepository, "1");
  const Digest first = must(pull()).image.id;
  plain_image(2).publish(registry_, kRepository, "1");
  const Pulled second = must(pull());
  EXPECT_NE(second.image.id, first);
  EXPECT_EQ(must(store_->image("reg.test/app:1")).id, second.image.id);
  EXPECT_TRUE(must(store_->image(first.str())).names.empty());
}

TEST_F(PullImage, NamesAnImageThatIsHereUnderAnotherTagWithoutFetching) {
  TestImage image = plain_image(1);
  image.publish(registry_, kRepository, "1");
  image.publish(registry_, kRepository, "2");
  must(pull());
  const int blobs = registry_.calls("fetch_blob");
  const Pulled second = must(pull("reg.test/app:2"));
  EXPECT_TRUE(second.changed);
  EXPECT_EQ(second.image.names.size(), 2U);
  EXPECT_EQ(registry_.calls("fetch_blob"), blobs);
}

TEST_F(PullImage, TakesZstdPlainAndRepeatedLayers) {
  TestImage image = plain_image(2);
  image.layers[0].blob = testing::zstd(image.layers[0].tar);
  image.layers[0].media_type = "application/vnd.oci.image.layer.v1.tar+zstd";
  image.layers[1].blob = image.layers[1].tar;
  image.layers[1].media_type = "application/vnd.oci.image.layer.v1.tar";
  image.layers.push_back(image.layers[0]);
  image.publish(registry_, kRepository, "1");
  const Pulled pulled = must(pull());
  ASSERT_EQ(pulled.image.layers.size(), 3U);
  EXPECT_EQ(pulled.image.layers[0].id, pulled.image.layers[2].id);
  EXPECT_EQ(content_of(pulled.image.layers[1].path + "/top"), "f1");
}

TEST_F(PullImage, TakesDockersTypes) {
  TestImage image = plain_image(1);
  image.manifest_type = kDockerManifestType;
  image.layers[0].media_type = "application/vnd.docker.image.rootfs.diff.tar.gzip";
  image.publish(registry_, kRepository, "1");
  EXPECT_EQ(must(pull()).image.layers.size(), 1U);
}

TEST_F(PullImage, AnImageWithoutLayersIsAnImage) {
  TestImage image;
  image.publish(registry_, kRepository, "1");
  EXPECT_TRUE(must(pull()).image.layers.empty());
}

TEST_F(PullImage, RefusesWhatDoesNotMatchItsDigest) {
  plain_image(1).publish(registry_, kRepository, "1");
  registry_.tamper = [](const Digest&, std::string bytes) {
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    return bytes;
  };
  const auto pulled = pull();
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code(), ErrorCode::kCorrupt) << pulled.error().text();
  EXPECT_TRUE(must(store_->images()).empty());
}

TEST_F(PullImage, RefusesALayerWithAnotherDiffId) {
  TestImage image = plain_image(2);
  image.diff_ids = {Digest::of(image.layers[0].tar), Digest::of("something else")};
  image.publish(registry_, kRepository, "1");
  expect_pull_fails(ErrorCode::kCorrupt, "the config says");
  const std::string wrong = Digest::of(image.layers[1].blob).hex();
  EXPECT_FALSE(path_exists(root() + "/ingest/" + wrong)) << "what is wrong is not kept";
}

TEST_F(PullImage, RefusesTooManyAndTooFewBytes) {
  plain_image(1).publish(registry_, kRepository, "1");
  registry_.tamper = [](const Digest&, std::string bytes) { return bytes + "x"; };
  expect_pull_fails(ErrorCode::kCorrupt, "more");
  registry_.tamper = [](const Digest&, std::string bytes) {
    bytes.pop_back();
    return bytes;
  };
  expect_pull_fails(ErrorCode::kCorrupt, "it ends after");
}

TEST_F(PullImage, RefusesASizeThatIsNotTheBlobs) {
  TestImage image = plain_image(1);
  image.publish(registry_, kRepository, "1");
  std::string text = image.manifest.dump();
  const std::string size = std::to_string(image.layers[0].blob.size());
  text.replace(text.find(size), size.size(), std::to_string(image.layers[0].blob.size() - 1));
  registry_.put_manifest(kRepository, "1", std::string(kManifestType), text);
  expect_pull_fails(ErrorCode::kCorrupt, "descriptor");
}

TEST_F(PullImage, RefusesACompressionOtherThanItsMediaType) {
  TestImage image = plain_image(1);
  image.layers[0].blob = testing::zstd(image.layers[0].tar);
  image.publish(registry_, kRepository, "1");
  expect_pull_fails(ErrorCode::kCorrupt, "media type");
}

TEST_F(PullImage, RefusesTruncatedAndTrailingBytesWithinARightDigest) {
  TestImage image = plain_image(1);
  image.layers[0].blob.resize(image.layers[0].blob.size() / 2);
  image.publish(registry_, kRepository, "1");
  expect_pull_fails(ErrorCode::kCorrupt, "truncated gzip data");
  TestImage trailing = plain_image(1);
  trailing.layers[0].blob += "garbage";
  trailing.publish(registry_, kRepository, "1");
  expect_pull_fails(ErrorCode::kCorrupt, "garbage after the gzip data");
}

TEST_F(PullImage, RefusesBombs) {
  limits_.max_bytes = 8_MiB;
  open_store();
  TestImage image;
  TarWriter tar;
  tar.file("zeros", std::string(9 << 20, '\0'));
  image.layers.push_back(TestImage::layer(tar.finish()));
  image.publish(registry_, kRepository, "1");
  expect_pull_fails(ErrorCode::kExhausted, "more than 8 MiB");
  limits_.max_bytes = 1_GiB;
  limits_.max_ratio = 10;
  open_store();
  TestImage ratio;
  TarWriter zeros;
  zeros.file("zeros", std::string(80 << 20, '\0'));
  ratio.layers.push_back(TestImage::layer(zeros.finish()));
  ratio.publish(registry_, kRepository, "1");
  expect_pull_fails(ErrorCode::kExhausted, "bomb");
}

TEST_F(PullImage, RefusesForeignLayersAndArtifactsBeforeFetchingAnything) {
  TestImage image = plain_image(1);
  image.layers[0].media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
  image.publish(registry_, kRepository, "1");
  expect_pull_fails(ErrorCode::kUnsupported, "foreign");
  EXPECT_LE(registry_.sent(), image.config.size());
  TestImage artifact = plain_image(1);
  artifact.publish(registry_, kRepository, "1");
  std::string text = artifact.manifest.dump();
  const std::string type(kConfigType);
  text.replace(text.find(type), type.size(), "application/vnd.example.thing.v1+json");
  registry_.put_manifest(kRepository, "1", std::string(kManifestType), text);
  expect_pull_fails(ErrorCode::kUnsupported, "artifact");
}

TEST_F(PullImage, RefusesAConfigWithAnotherNumberOfLayers) {
  TestImage image = plain_image(2);
  image.diff_ids = {Digest::of(image.layers[0].tar)};
  image.publish(registry_, kRepository, "1");
  expect_pull_fails(ErrorCode::kInvalid, "2 layers, but its config names 1");
}

TEST_F(PullImage, SaysWhatIsMissingByName) {
  expect_pull_fails(ErrorCode::kNotFound, "pull reg.test/app:1");
}

TEST_F(PullImage, ABrokenTransferKeepsWhatCameAndGoesOnThere) {
  TestImage image = plain_image(1, 2'000'000);
  image.publish(registry_, kRepository, "1");
  const std::uint64_t size = image.layers[0].blob.size();
  registry_.before_piece = [&](const Digest& digest, std::uint64_t at) -> Status {
    if (digest != Digest::of(image.layers[0].blob) || at < size / 2) return {};
    return fail(ErrorCode::kUnavailable, "connection reset");
  };
  expect_pull_fails(ErrorCode::kUnavailable, "connection reset");
  ASSERT_EQ(names_in("ingest").size(), 1U);
  registry_.before_piece = nullptr;
  const std::uint64_t before = registry_.sent();
  const Pulled pulled = must(pull());
  EXPECT_LT(registry_.sent() - before, size / 2 + 32'768);
  EXPECT_EQ(pulled.bytes, registry_.sent() - before);
  EXPECT_EQ(content_of(pulled.image.layers[0].path + "/etc/f0"), mixed_bytes(2'000'000, 0));
  EXPECT_TRUE(names_in("ingest").empty());
}

TEST_F(PullImage, StartsAgainWhenWhatWasKeptIsDamaged) {
  TestImage image = plain_image(1, 500'000);
  image.publish(registry_, kRepository, "1");
  must(make_dirs(root() + "/ingest", 0700));
  must(write_file_atomic(root() + "/ingest/" + Digest::of(image.layers[0].blob).hex(),
                         std::string(100'000, 'x'), 0600));
  EXPECT_EQ(content_of(must(pull()).image.layers[0].path + "/etc/f0"), mixed_bytes(500'000, 0));
}

TEST_F(PullImage, AppliesABlobThatIsHereWithoutFetchingIt) {
  plain_image(2).publish(registry_, kRepository, "1");
  const Pulled pulled = must(pull());
  must(remove_tree(pulled.image.layers[1].path));
  const std::uint64_t sent = registry_.sent();
  EXPECT_EQ(content_of(must(pull()).image.layers[1].path + "/top"), "f1");
  EXPECT_EQ(registry_.sent(), sent);
}

TEST_F(PullImage, TwoPullsAtOnceShareEveryDownload) {
  TestImage image = plain_image(6, 400'000);
  image.publish(registry_, kRepository, "1");
  std::uint64_t whole = 0;
  for (const auto& layer : image.layers) whole += layer.blob.size();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { EXPECT_TRUE(pull()); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(registry_.sent(), whole + 4 * image.config.size());
  EXPECT_EQ(must(store_->image("reg.test/app:1")).layers.size(), 6U);
}

TEST_F(PullImage, ACancelledPullLeavesNoImageAndKeepsWhatCame) {
  TestImage image = plain_image(2, 1'000'000);
  image.publish(registry_, kRepository, "1");
  const CancelToken cancel;
  registry_.before_piece = [&](const Digest&, std::uint64_t at) -> Status {
    if (at > 300'000) cancel.cancel(CancelLevel::kTerminate);
    return {};
  };
  PullRequest request;
  request.name = name_;
  const auto pulled = pull_image(*store_, registry_, request, nullptr, cancel);
  ASSERT_FALSE(pulled);
  EXPECT_EQ(pulled.error().code(), ErrorCode::kCancelled) << pulled.error().text();
  EXPECT_TRUE(must(store_->images()).empty());
  EXPECT_FALSE(names_in("ingest").empty());
}

class Watcher : public TransferObserver {
 public:
  void layers(std::size_t total, std::size_t present) override {
    total_ = total;
    present_ = present;
  }
  void layer(const LayerProgress& progress) override {
    last_.with([&](auto& last) { last[progress.layer] = progress; });
    last_.notify_all();
  }
  std::size_t total_ = 0, present_ = 0;
  Guarded<std::map<Digest, LayerProgress>> last_;
};

TEST_F(PullImage, TellsWhatHappensToEachLayer) {
  plain_image(1).publish(registry_, kRepository, "1");
  must(pull());
  TestImage image = plain_image(2);
  image.publish(registry_, kRepository, "2");
  Watcher watcher;
  must(pull("reg.test/app:2", &watcher));
  EXPECT_EQ(watcher.total_, 2U);
  EXPECT_EQ(watcher.present_, 1U);
  const auto last = watcher.last_.with([](auto& all) { return all; });
  EXPECT_EQ(last.at(Digest::of(image.layers[0].blob)).state, LayerProgress::State::kPresent);
  const LayerProgress done = last.at(Digest::of(image.layers[1].blob));
  EXPECT_EQ(done.state, LayerProgress::State::kDone);
  EXPECT_EQ(done.done, done.total);
  EXPECT_EQ(done.total, image.layers[1].blob.size());
}

TEST_F(PullImage, SaysThatAnotherPullFetchesALayerAndHowFarItIs) {
  TestImage image = plain_image(1);
  image.publish(registry_, kRepository, "1");
  const Digest layer = Digest::of(image.layers[0].blob);
  must(make_dirs(root() + "/ingest", 0700));
  Fd other = must(open_file(root() + "/ingest/" + layer.hex(), O_RDWR | O_CREAT, 0600));
  ASSERT_EQ(::flock(other.get(), LOCK_EX), 0);
  must(write_all(other.get(), image.layers[0].blob.substr(0, 1'000), "ingest"));
  Watcher watcher;
  std::thread puller([&] { EXPECT_TRUE(pull("reg.test/app:1", &watcher)); });
  const LayerProgress waiting = watcher.last_.wait(
      [&](auto& last) { return last.contains(layer) && !last.at(layer).note.empty(); },
      [&](auto& last) { return last.at(layer); });
  EXPECT_EQ(waiting.note, "by another pull");
  EXPECT_EQ(waiting.done, 1'000U);
  other.reset();
  puller.join();
  EXPECT_EQ(registry_.sent(), image.layers[0].blob.size() + image.config.size() - 1'000);
}

}  // namespace
}  // namespace slipway::cachestore
