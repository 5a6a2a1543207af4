#pragma once

#include <map>

#include "cachestore/image/config_json.h"
#include "cachestore/image_archive.h"
#include "tests/cachestore/fixtures.h"

namespace slipway::testing {

/// The files of an image archive by name, so that a test can spoil any of them before they are packed.
struct ArchiveFiles {
  std::vector<std::pair<std::string, std::string>> files;

  ArchiveFiles& set(const std::string& name, const std::string& content) {
    for (auto& [known, old] : files) {
      if (known == name) {
        old = content;
        return *this;
      }
    }
    files.emplace_back(name, content);
    return *this;
  }
  std::string blob(const std::string& content) {
    const std::string name = "blobs/sha256/" + Digest::of(content).hex();
    set(name, content);
    return name;
  }
  ArchiveFiles& drop(const std::string& name) {
    std::erase_if(files, [&](const auto& file) { return file.first == name; });
    return *this;
  }
  TarWriter tar() const {
    TarWriter tar;
    for (const auto& [name, content] : files) tar.file(name, content);
    return tar;
  }
  std::string pack() const { return tar().finish(); }
};

inline std::string layer_tar(const std::string& name, const std::string& content) {
  return TarWriter().file(name, content).finish();
}

inline std::string config_text(const std::vector<std::string>& plain_layers,
                               const std::string& arch = "amd64") {
  cachestore::ImageConfig config;
  config.architecture = arch;
  config.os = "linux";
  config.env = {"A=1"};
  std::vector<Digest> diff_ids;
  for (const std::string& layer : plain_layers) diff_ids.push_back(Digest::of(layer));
  return cachestore::make_config(config, diff_ids);
}

inline Json descriptor(std::string_view type, const std::string& content) {
  return Json::object(
      {{"mediaType", type}, {"digest", Digest::of(content).str()}, {"size", content.size()}});
}

/// Adds config, layers and manifest of an image to a layout; returns the manifest's descriptor.
inline Json add_oci_image(ArchiveFiles& files, const std::vector<std::string>& blobs,
                          const std::string& config, std::string_view layer_type) {
  Json layers = Json::array();
  for (const std::string& blob : blobs) {
    files.blob(blob);
    layers.push(descriptor(layer_type, blob));
  }
  files.blob(config);
  const std::string manifest =
      Json::object({{"schemaVersion", 2},
                    {"mediaType", cachestore::kManifestType},
                    {"config", descriptor(cachestore::kConfigType, config)},
                    {"layers", std::move(layers)}})
          .dump();
  files.blob(manifest);
  return descriptor(cachestore::kManifestType, manifest);
}

inline void set_index(ArchiveFiles& files, const std::vector<Json>& manifests) {
  files.set("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  files.set("index.json", Json::object({{"schemaVersion", 2},
                                        {"mediaType", cachestore::kIndexType},
                                        {"manifests", Json(Json::Array(manifests))}})
                              .dump());
}

/// As docker before 25 saves: a directory a layer, the config beside them.
inline ArchiveFiles docker_archive(const std::vector<std::string>& layers,
                                   const std::vector<std::string>& names) {
  ArchiveFiles files;
  const std::string config = config_text(layers);
  Json paths = Json::array();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const std::string dir = Digest::of("v1 id " + std::to_string(i)).hex();
    files.set(dir + "/VERSION", "1.0").set(dir + "/layer.tar", layers[i]);
    paths.push(dir + "/layer.tar");
  }
  const std::string config_name = Digest::of(config).hex() + ".json";
  files.set(config_name, config);
  Json tags;
  for (const std::string& name : names) tags.push(name);
  files.set("manifest.json", Json::array({Json::object({{"Config", config_name},
                                                        {"RepoTags", std::move(tags)},
                                                        {"Layers", std::move(paths)}})})
                                 .dump());
  return files;
}

/// A store, and archives from and to bytes.
class ArchiveTest : public ::testing::Test {
 protected:
  using Store = cachestore::Store;

  Result<std::vector<cachestore::LoadedImage>> load(const std::string& archive,
                                                    const std::shared_ptr<Store>& store) {
    const Fd fd = scratch_.file("images.tar", archive);
    cachestore::LoadRequest request;
    request.fd = fd.get();
    request.source = "images.tar";
    return cachestore::load_images(*store, request, CancelToken());
  }
  Result<std::vector<cachestore::LoadedImage>> load(const std::string& archive) {
    return load(archive, store_);
  }
  Result<std::string> save(const std::vector<std::string>& images,
                           cachestore::ArchiveFormat format = cachestore::ArchiveFormat::kDocker) {
    const Fd fd = scratch_.file("saved.tar", "");
    cachestore::SaveRequest request;
    request.images = images;
    request.fd = fd.get();
    request.target = "saved.tar";
    request.format = format;
    const auto saved = SLIP_TRY(cachestore::save_images(*store_, request, CancelToken()));
    std::string bytes = content_of(scratch_.path("saved.tar"));
    EXPECT_EQ(bytes.size(), saved.bytes);
    return bytes;
  }
  std::shared_ptr<Store> open_store(const std::string& name) {
    return must(Store::open({scratch_.path(name), {}, true}));
  }
  std::vector<std::string> names_in(const std::string& dir, const std::string& store = "store") {
    const Fd fd = scratch_.open(store + "/" + dir, O_RDONLY | O_DIRECTORY);
    return must(list_dir(fd.get(), dir));
  }
  void expect_nothing_left(const std::string& when) {
    EXPECT_TRUE(must(store_->images()).empty()) << when;
    EXPECT_TRUE(names_in("snapshots").empty()) << when;
    EXPECT_TRUE(names_in("blobs/sha256").empty()) << when;
    for (const std::string& name : names_in("drafts")) {
      EXPECT_TRUE(name.starts_with("spare") || name.ends_with(".lock")) << when << ": " << name;
    }
  }

  Scratch scratch_;
  std::shared_ptr<Store> store_ = open_store("store");
};

}  // namespace slipway::testing
