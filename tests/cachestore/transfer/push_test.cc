// Pushing: what is sent, what is not, and that what arrives is what was here.
#include "base/random.h"
#include "cachestore/layer/block_compressor.h"
#include "tests/cachestore/transfer/image_fixtures.h"

namespace slipway::cachestore {
namespace {

using testing::content_of;
using testing::mixed_bytes;
using testing::must;
using testing::plain_image;
using testing::TarWriter;
using testing::TestImage;

class PushImage : public testing::TransferTest {
 protected:
  Result<Pushed> push(const std::string& image, const std::string& to,
                      LayerCompression compression = LayerCompression::kKeep) {
    PushRequest request;
    request.image = image;
    request.name = must(Reference::parse(to));
    request.compression = compression;
    return push_image(*store_, registry_, request, nullptr, CancelToken());
  }
  // An image of one layer that exists as files only, as a commit makes it.
  Image create(const std::string& name, std::size_t size = 300'000) {
    Draft draft = must(store_->begin());
    must(write_file_atomic(draft.upper() + "/data", mixed_bytes(size, 7), 0644));
    CreateImage request;
    ImageStep step;
    step.draft.emplace(std::move(draft));
    request.steps.push_back(std::move(step));
    request.name = must(Reference::parse(name));
    return must(store_->create_image(std::move(request), CancelToken()));
  }
  Image import_plain(const std::string& name) {
    TarWriter tar;
    tar.dir("etc/").file("etc/data", mixed_bytes(300'000, 3));
    const Fd fd = scratch_.file("plain.tar", tar.finish());
    ImportRequest request;
    request.fd = fd.get();
    request.source = "plain.tar";
    request.name = must(Reference::parse(name));
    return must(store_->import_image(request, CancelToken()));
  }
  void expect_pulls_back(const std::string& name, const Digest& id) {
    must(store_->remove_image(id.str(), {.force = true}));
    must(store_->prune(SnapshotKind::kLayer, real_clock().wall() + std::chrono::hours(1)));
    EXPECT_EQ(must(pull(name)).image.id, id);
  }
};

TEST_F(PushImage, WhatWasPulledGoesBackBitByBit) {
  const Digest digest = plain_image(3).publish(registry_, kRepository, "1");
  must(pull());
  const Pushed pushed = must(push("reg.test/app:1", "reg.test/other:2"));
  EXPECT_EQ(pushed.digest, digest);
  EXPECT_EQ(registry_.manifest_of("other", digest), registry_.manifest_of("app", digest));
}

TEST_F(PushImage, MountsFromTheRepositoryItCameFrom) {
  plain_image(3).publish(registry_, kRepository, "1");
  must(pull());
  const Pushed pushed = must(push("reg.test/app:1", "reg.test/other:2"));
  EXPECT_EQ(pushed.bytes, 0U);
  EXPECT_EQ(pushed.layers, 3U);
  EXPECT_EQ(pushed.layers_present, 3U);
  EXPECT_EQ(registry_.calls("upload_blob"), 0);
  EXPECT_EQ(registry_.calls("mount_blob"), 4) << "layers and config";
}

TEST_F(PushImage, SendsNothingThatIsThere) {
  plain_image(2).publish(registry_, kRepository, "1");
  must(pull());
  const Pushed pushed = must(push("reg.test/app:1", "reg.test/app:2"));
  EXPECT_EQ(pushed.bytes, 0U);
  EXPECT_EQ(registry_.calls("mount_blob"), 0);
}

TEST_F(PushImage, SendsToAnotherRegistryAsItWas) {
  plain_image(2).publish(registry_, kRepository, "1");
  const Digest digest = must(pull()).digest;
  const Pushed pushed = must(push("reg.test/app:1", "elsewhere.test/x:1"));
  EXPECT_EQ(pushed.digest, digest);
  EXPECT_EQ(pushed.layers_present, 0U);
  EXPECT_EQ(registry_.calls("upload_blob"), 3);
}

TEST_F(PushImage, PacksWhatWasMadeHereAndItPullsBackAsTheSameImage) {
  const Image image = create("made:1");
  const Pushed pushed = must(push("made:1", "reg.test/made:1"));
  EXPECT_EQ(pushed.layers_present, 0U);
  expect_pulls_back("reg.test/made:1", image.id);
  EXPECT_EQ(content_of(must(store_->image("reg.test/made:1")).layers[0].path + "/data"),
            mixed_bytes(300'000, 7));
}

TEST_F(PushImage, RemembersWhatALayerBecameAndDoesNotPackItAgain) {
  create("made:1");
  const Pushed first = must(push("made:1", "reg.test/made:1"));
  const int uploads = registry_.calls("upload_blob");
  const Pushed again = must(push("made:1", "reg.test/made:2"));
  EXPECT_EQ(again.digest, first.digest);
  EXPECT_EQ(again.layers_present, 1U);
  EXPECT_EQ(registry_.calls("upload_blob"), uploads);
  const Pushed elsewhere = must(push("made:1", "elsewhere.test/made:1"));
  EXPECT_EQ(elsewhere.digest, first.digest);
}

TEST_F(PushImage, CompressesAnImportThatWasPlain) {
  const Image image = import_plain("plain:1");
  const Pushed pushed = must(push("plain:1", "reg.test/plain:1"));
  const std::string manifest = registry_.manifest_of("plain", pushed.digest);
  EXPECT_NE(manifest.find("tar+gzip"), std::string::npos) << manifest;
  EXPECT_EQ(must(push("plain:1", "reg.test/plain:2")).digest, pushed.digest);
  expect_pulls_back("reg.test/plain:1", image.id);
}

TEST_F(PushImage, KeepsAPlainLayerThatCamePlain) {
  TestImage image = plain_image(1);
  image.layers[0].blob = image.layers[0].tar;
  image.layers[0].media_type = "application/vnd.oci.image.layer.v1.tar";
  const Digest digest = image.publish(registry_, kRepository, "1");
  must(pull());
  EXPECT_EQ(must(push("reg.test/app:1", "elsewhere.test/x:1")).digest, digest);
}

TEST_F(PushImage, PacksAgainInTheCompressionThatIsAskedFor) {
  TestImage image = plain_image(2);
  image.manifest_type = kDockerManifestType;
  for (auto& layer : image.layers) {
    layer.media_type = "application/vnd.docker.image.rootfs.diff.tar.gzip";
  }
  image.publish(registry_, kRepository, "1");
  const Digest id = must(pull()).image.id;
  const Pushed pushed = must(push("reg.test/app:1", "reg.test/z:1", LayerCompression::kZstd));
  const std::string manifest = registry_.manifest_of("z", pushed.digest);
  EXPECT_NE(manifest.find("tar+zstd"), std::string::npos) << manifest;
  EXPECT_EQ(manifest.find("docker"), std::string::npos) << "docker's manifests know no zstd";
  expect_pulls_back("reg.test/z:1", id);
}

TEST_F(PushImage, AnUploadThatBreaksGoesOnWithTheSameBytes) {
  const Image image = create("made:1", 3'000'000);
  registry_.upload_break = 700'000;
  const Pushed pushed = must(push("made:1", "reg.test/made:1"));
  const Pushed again = must(push("made:1", "elsewhere.test/made:1"));
  EXPECT_EQ(again.digest, pushed.digest);
  expect_pulls_back("reg.test/made:1", image.id);
}

TEST_F(PushImage, NeedsATagAndAnImage) {
  create("made:1");
  EXPECT_EQ(push("made:1", "reg.test/x@" + Digest::of("x").str()).error().code(),
            ErrorCode::kInvalid);
  const auto missing = push("nothing:1", "reg.test/x:1");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_NE(missing.error().text().find("push reg.test/x:1"), std::string::npos);
}

TEST_F(PushImage, ShowsWhereItWentAsADigestOfTheImage) {
  create("made:1");
  const Pushed pushed = must(push("made:1", "reg.test/made:1"));
  const Image image = must(store_->image("made:1"));
  ASSERT_EQ(image.digests.size(), 1U);
  EXPECT_EQ(image.digests[0].familiar(), "reg.test/made@" + pushed.digest.str());
}

class Compressors : public ::testing::TestWithParam<Compression> {
 protected:
  static std::string compress(const std::string& data, int threads, std::size_t piece) {
    BlockCompressor compressor(GetParam(), threads);
    std::thread writer([&] {
      for (std::size_t at = 0; at < data.size(); at += piece) {
        if (!compressor.write(std::string_view(data).substr(at, piece))) return;
      }
      compressor.finish({});
    });
    std::string out;
    std::string chunk(33'333, '\0');
    while (const std::size_t n = must(compressor.read(chunk.data(), chunk.size()))) {
      out.append(chunk, 0, n);
    }
    writer.join();
    return out;
  }
};

class TextSource : public ByteSource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  Result<std::size_t> read(std::span<char> out) override {
    const std::size_t n = text_.copy(out.data(), out.size(), at_);
    at_ += n;
    return n;
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

TEST_P(Compressors, GiveTheSameBytesWithAnyThreadsAndPiecesAndUnpackToTheInput) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{524'288}, std::size_t{3'000'001}}) {
    const std::string data = mixed_bytes(size, 5);
    const std::string packed = compress(data, 1, 1'000'000);
    EXPECT_EQ(compress(data, 3, 7'777), packed);
    EXPECT_EQ(compress(data, 8, size), packed);
    TextSource raw(packed);
    const Decoded decoded = must(decode(raw, "test", 1'000));
    EXPECT_EQ(decoded.compression, GetParam());
    std::string out(size + 10, '\0');
    out.resize(must(read_full(*decoded.bytes, out)));
    EXPECT_EQ(out, data) << size;
  }
}

TEST_P(Compressors, TellTheReaderWhyTheWriterGaveUp) {
  BlockCompressor compressor(GetParam(), 2);
  must(compressor.write(std::string(100, 'x')));
  compressor.finish(fail(ErrorCode::kUnavailable, "the file changed"));
  std::string chunk(1'000, '\0');
  for (;;) {
    const auto n = compressor.read(chunk.data(), chunk.size());
    if (n) {
      ASSERT_GT(*n, 0U);
      continue;
    }
    EXPECT_EQ(n.error().text(), "the file changed");
    return;
  }
}

TEST_P(Compressors, AWriterIsReleasedWhenNobodyReads) {
  BlockCompressor compressor(GetParam(), 2);
  std::thread writer([&] {
    while (compressor.write(std::string(100'000, 'x'))) {
    }
  });
  compressor.stop();
  writer.join();
}

INSTANTIATE_TEST_SUITE_P(All, Compressors,
                         ::testing::Values(Compression::kGzip, Compression::kZstd));

}  // namespace
}  // namespace slipway::cachestore
