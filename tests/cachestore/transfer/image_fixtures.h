#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "cachestore/image/config_json.h"
#include "cachestore/transfer.h"
#include "cachestore/transfer/manifest.h"
#include "tests/cachestore/fixtures.h"
#include "tests/cachestore/transfer/memory_registry.h"

namespace slipway::testing {

using cachestore::Platform;
using cachestore::Reference;

/// Text that compresses somewhat, the same for the same seed.
inline std::string mixed_bytes(std::size_t size, unsigned seed) {
  std::string bytes(size, '\0');
  unsigned state = seed * 2'654'435'761U + 1;
  for (std::size_t i = 0; i < size; ++i) {
    state = state * 1'664'525U + 1'013'904'223U;
    bytes[i] = (i / 4096) % 2 == 0 ? static_cast<char>(state >> 24)
                                   : static_cast<char>('a' + (state >> 30));
  }
  return bytes;
}

struct TestLayer {
  std::string tar;
  std::string blob;
  std::string media_type = "application/vnd.oci.image.layer.v1.tar+gzip";
};

/// An image in a registry, made by hand, so that each part can lie.
struct TestImage {
  std::vector<TestLayer> layers;
  std::string architecture = cachestore::machine_architecture();
  std::vector<Digest> diff_ids;  ///< Of the config; filled in when empty.
  Json manifest;                 ///< After publish().
  std::string config;
  std::string manifest_type{cachestore::kManifestType};

  static TestLayer layer(const std::string& tar) { return {tar, gzip(tar)}; }

  Json describe(std::string_view type, const std::string& bytes) const {
    return Json::object(
        {{"mediaType", type}, {"digest", Digest::of(bytes).str()}, {"size", bytes.size()}});
  }
  /// Puts blobs and manifest; the digest of the manifest.
  Digest publish(MemoryRegistry& registry, const std::string& repository, const std::string& tag) {
    if (diff_ids.empty()) {
      for (const TestLayer& one : layers) diff_ids.push_back(Digest::of(one.tar));
    }
    cachestore::ImageConfig runtime;
    runtime.architecture = architecture;
    runtime.os = "linux";
    runtime.cmd = {"/bin/sh"};
    if (config.empty()) config = cachestore::make_config(runtime, diff_ids);
    Json list = Json::array();
    for (const TestLayer& one : layers) {
      registry.put_blob(repository, one.blob);
      list.push(describe(one.media_type, one.blob));
    }
    registry.put_blob(repository, config);
    manifest = Json::object({{"schemaVersion", 2},
                             {"mediaType", manifest_type},
                             {"config", describe(cachestore::kConfigType, config)},
                             {"layers", std::move(list)}});
    return registry.put_manifest(repository, tag, manifest_type, manifest.dump());
  }
};

/// `count` layers with a file each and one in common.
inline TestImage plain_image(int count, std::size_t size = 50'000) {
  TestImage image;
  for (int i = 0; i < count; ++i) {
    const std::string name = "f" + std::to_string(i);
    TarWriter tar;
    tar.dir("etc/").file("etc/" + name, mixed_bytes(size, static_cast<unsigned>(i)));
    tar.file("top", name);
    image.layers.push_back(TestImage::layer(tar.finish()));
  }
  return image;
}

/// A store, a registry and what a pull of "reg.test/app:1" does.
class TransferTest : public ::testing::Test {
 protected:
  static constexpr const char* kRepository = "app";
  const Reference name_ = must(Reference::parse("reg.test/app:1"));

  Result<cachestore::Pulled> pull(const std::string& name = "reg.test/app:1",
                                  cachestore::TransferObserver* observer = nullptr) {
    cachestore::PullRequest request;
    request.name = must(Reference::parse(name));
    request.platform = platform_;
    return cachestore::pull_image(*store_, registry_, request, observer, CancelToken());
  }
  void expect_pull_fails(ErrorCode code, const std::string& cause) {
    const auto pulled = pull();
    ASSERT_FALSE(pulled) << "pulled, expected: " << cause;
    EXPECT_EQ(pulled.error().code(), code) << pulled.error().text();
    EXPECT_NE(pulled.error().text().find(cause), std::string::npos) << pulled.error().text();
    EXPECT_TRUE(must(store_->images()).empty());
    EXPECT_EQ(names_in("drafts").size(), 1U) << "only the owner's lock";
  }
  /// Without the pool of emptied drafts.
  std::vector<std::string> names_in(const std::string& directory) {
    const Fd fd(::open((root() + "/" + directory).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid()) return {};
    auto names = must(list_dir(fd.get(), directory));
    std::erase_if(names, [](const std::string& one) { return one.starts_with("spare"); });
    return names;
  }
  std::string root() const { return scratch_.path("store"); }
  void open_store() {
    cachestore::StoreOptions options;
    options.root = root();
    options.limits = limits_;
    store_.reset();
    store_ = must(cachestore::Store::open(options));
  }
  void SetUp() override { open_store(); }

  // In memory: every pull syncs, and no test here is about the disk.
  Scratch scratch_{must(TempDir::make("/dev/shm", "slipway-test-"))};
  cachestore::LayerLimits limits_;
  std::shared_ptr<cachestore::Store> store_;
  MemoryRegistry registry_;
  Platform platform_ = Platform::host();
};

}  // namespace slipway::testing
