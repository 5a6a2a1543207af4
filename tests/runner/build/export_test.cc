// What leaves a build: archives that others read, manifests in a real registry, files, caches for other machines.
#include "runner/build/export.h"

#include <sys/sysmacros.h>

#include "cachestore/archive.h"
#include "cachestore/image_archive.h"
#include "tests/runner/build/tree_fixture.h"
#include "tests/support/docker_registry.h"
#include "tests/support/program.h"

namespace slipway::runner {
namespace {

class NoEngine : public sandbox::Engine {
 public:
  Result<std::unique_ptr<sandbox::Container>> start(const sandbox::ContainerSpec&) override {
    return fail(ErrorCode::kInternal, "nothing is run here");
  }
  std::vector<std::string> notices() const override { return {}; }
};

class QuietObserver : public BuildObserver {
 public:
  void vertex(const BuildVertex&) override {}
  void output(std::size_t, int, std::string_view) override {}
  void progress(std::size_t, const std::string&, std::uint64_t, std::uint64_t) override {}
  void warning(const pipeline::LintFinding&) override {}
  void note(const std::string& text) override { notes.push_back(text); }
  std::vector<std::string> notes;
};

/// A store with a way to registries, as a machine has it.
struct Machine {
  explicit Machine(const std::string& root)
      : store(*cachestore::Store::open({root, {}, true})),
        access([](const std::string&) { return std::optional<std::string>(); }, {},
               [](const std::string&) {}, CancelToken()),
        images(*store, access),
        place{*store, engine, images, nullptr, root} {}
  std::shared_ptr<cachestore::Store> store;
  NoEngine engine;
  RegistryAccess access;
  ImageSource images;
  BuildPlace place;
};

class BuildExport : public TreeTest {
 protected:
  void SetUp() override {
    TreeTest::SetUp();
    machine_ = std::make_unique<Machine>(path("store"));
  }

  static cachestore::Draft layer(cachestore::Store& store, const std::string& name,
                                 const std::string& text) {
    cachestore::Draft draft = std::move(*store.begin());
    write(draft.upper() + "/" + name, text);
    const timespec times[2] = {{1'000, 0}, {1'000, 0}};
    for (const std::string& one : {draft.upper() + "/" + name, draft.upper()}) {
      EXPECT_EQ(::utimensat(AT_FDCWD, one.c_str(), times, 0), 0);
    }
    return draft;
  }
  BuiltImage image(const std::string& architecture = "amd64") const {
    cachestore::CreateImage create;
    for (const char* name : {"one", "two"}) {
      cachestore::ImageStep step;
      step.draft = layer(*machine_->store, name, std::string("content of ") + name);
      create.steps.push_back(std::move(step));
    }
    create.config.architecture = architecture;
    create.config.os = "linux";
    create.config.created = WallTime(std::chrono::seconds(1'000));
    create.config.cmd = {"/one"};
    auto made = machine_->store->create_image(std::move(create), CancelToken());
    EXPECT_TRUE(made) << made.error().text();
    return {*std::move(made), {"linux", architecture, ""}};
  }
  std::string run(const ExportRequest& request, Digest* digest = nullptr) {
    QuietObserver observer;
    const auto done = export_build(machine_->place, request, observer, CancelToken());
    if (!done) return done.error().text();
    if (digest != nullptr && *done) *digest = **done;
    return "";
  }
  static BuildOutput output(const std::string& type, const std::string& dest,
                            std::vector<std::pair<std::string, std::string>> attributes = {}) {
    return {type, dest, std::move(attributes)};
  }
  static std::string program(const std::vector<std::string>& words) {
    const auto done = testing::run_program(words);
    EXPECT_EQ(done.exit_code, 0) << done.err;
    return done.out;
  }
  static Json json_of(const std::string& text) {
    auto json = parse_json(text);
    EXPECT_TRUE(json) << text.substr(0, 200);
    return json ? *std::move(json) : Json();
  }

  std::unique_ptr<Machine> machine_;
};

TEST_F(BuildExport, OciArchiveIsReadByOthersAndTheSameEachTime) {
  const std::vector<BuiltImage> images = {image()};
  BuildRequest build;
  build.tags = {"example/app:1"};
  build.outputs = {output("oci", path("a.tar")), output("oci", path("b.tar")),
                   output("oci", path("z.tar"), {{"compression", "zstd"}})};
  Digest digest;
  ASSERT_EQ(run({build, images, {}, Json()}, &digest), "");
  EXPECT_EQ(read(path("a.tar")), read(path("b.tar")));
  for (const char* name : {"a.tar", "z.tar"}) {
    const Json seen = json_of(program({"skopeo", "inspect", "oci-archive:" + path(name)}));
    EXPECT_EQ(seen["Architecture"].string_or(""), "amd64");
    EXPECT_EQ(seen["Layers"].items().size(), 2U);
  }
  const Json config =
      json_of(program({"skopeo", "inspect", "--config", "oci-archive:" + path("z.tar")}));
  EXPECT_EQ(config["config"]["Cmd"].items().at(0).string_or(""), "/one");
}

TEST_F(BuildExport, DockerArchiveIsLoadedWithItsName) {
  const std::vector<BuiltImage> images = {image()};
  BuildRequest build;
  build.tags = {"example/app:1", "example/app:2"};
  build.outputs = {output("docker", path("a.tar"))};
  ASSERT_EQ(run({build, images, {}, Json()}), "");
  Machine other(path("other"));
  const Fd fd = *open_file(path("a.tar"), O_RDONLY);
  cachestore::LoadRequest load;
  load.fd = fd.get();
  load.source = "a.tar";
  const auto loaded = cachestore::load_images(*other.store, load, CancelToken());
  ASSERT_TRUE(loaded) << loaded.error().text();
  EXPECT_EQ(loaded->at(0).id, images[0].image.id);
  EXPECT_EQ(loaded->at(0).names.size(), 2U);
  EXPECT_EQ(program({"skopeo", "inspect", "--format", "{{.Architecture}}",
                     "docker-archive:" + path("a.tar") + ":docker.io/example/app:1"}),
            "amd64\n");
}

TEST_F(BuildExport, SeveralPlatformsAndAttestationsMakeAnIndex) {
  const std::vector<BuiltImage> images = {image("amd64"), image("arm64")};
  BuildRequest build;
  build.tags = {"example/app:1"};
  build.sbom = true;
  build.annotations = {{"index:org.example.note", "i"}, {"org.example.note", "m"}};
  build.outputs = {output("oci", path("layout"), {{"tar", "false"}})};
  ASSERT_EQ(run({build, images, {}, Json::object({{"buildType", "x"}})}), "");
  const auto blob = [&](const Json& descriptor) {
    return json_of(read(path("layout/blobs/sha256/") +
                        std::string(descriptor["digest"].string_or("sha256:").substr(7))));
  };
  const Json top = json_of(read(path("layout/index.json")));
  const Json index = blob(top["manifests"].items().at(0));
  EXPECT_EQ(index["annotations"]["org.example.note"].string_or(""), "i");
  ASSERT_EQ(index["manifests"].items().size(), 4U);
  const Json& arm = index["manifests"].items()[1];
  EXPECT_EQ(arm["platform"]["architecture"].string_or(""), "arm64");
  EXPECT_EQ(blob(arm)["annotations"]["org.example.note"].string_or(""), "m");
  const Json& attestation = index["manifests"].items()[3];
  EXPECT_EQ(attestation["platform"]["os"].string_or(""), "unknown");
  EXPECT_EQ(attestation["annotations"]["vnd.docker.reference.type"].string_or(""),
            "attestation-manifest");
  EXPECT_EQ(attestation["annotations"]["vnd.docker.reference.digest"], arm["digest"]);
  const Json manifest = blob(attestation);
  ASSERT_EQ(manifest["layers"].items().size(), 2U);
  const Json& sbom = manifest["layers"].items()[0];
  EXPECT_EQ(sbom["mediaType"].string_or(""), "application/vnd.in-toto+json");
  EXPECT_EQ(sbom["annotations"]["in-toto.io/predicate-type"].string_or(""),
            "https://spdx.dev/Document");
  const Json statement = blob(manifest["layers"].items()[1]);
  EXPECT_EQ(statement["predicateType"].string_or(""), "https://slsa.dev/provenance/v0.2");
  EXPECT_EQ(statement["subject"].items().at(0)["digest"]["sha256"].string_or(""),
            arm["digest"].string_or("sha256:").substr(7));
}

TEST_F(BuildExport, SbomNamesThePackagesOfTheImage) {
  write(path("root/var/lib/dpkg/status"),
        "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n");
  write(path("root/etc/os-release"), "ID=debian\n");
  cachestore::CreateImage create;
  cachestore::ImageStep step;
  cachestore::Draft draft = std::move(*machine_->store->begin());
  std::filesystem::copy(path("root"), draft.upper(), std::filesystem::copy_options::recursive);
  step.draft = std::move(draft);
  create.steps.push_back(std::move(step));
  auto made = machine_->store->create_image(std::move(create), CancelToken());
  ASSERT_TRUE(made);
  const std::vector<BuiltImage> images = {{*std::move(made), cachestore::Platform::host()}};
  BuildRequest build;
  build.sbom = true;
  build.outputs = {output("oci", path("layout"), {{"tar", "false"}})};
  ASSERT_EQ(run({build, images, {}, Json()}), "");
  std::string all;
  for (const auto& file : std::filesystem::directory_iterator(path("layout/blobs/sha256"))) {
    all += read(file.path());
  }
  EXPECT_NE(all.find("pkg:deb/debian/libc6@2.36-9?arch=amd64"), std::string::npos);
  EXPECT_EQ(all.find("gone"), std::string::npos);
}

TEST_F(BuildExport, PushesToARegistryUnderEachName) {
  testing::DockerRegistry registry;
  const std::vector<BuiltImage> images = {image()};
  BuildRequest build;
  build.tags = {registry.host() + "/app:1", registry.host() + "/app:2"};
  build.outputs = {output("image", "", {{"push", "true"}})};
  Digest plain;
  ASSERT_EQ(run({build, images, {}, Json()}, &plain), "");
  for (const std::string& tag : build.tags) {
    EXPECT_EQ(program({"skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}",
                       "docker://" + tag}),
              plain.str() + "\n");
  }
  Digest attested;
  ASSERT_EQ(run({build, images, {}, Json::object({{"buildType", "x"}})}, &attested), "");
  EXPECT_NE(attested, plain);
  const Json raw = json_of(
      program({"skopeo", "inspect", "--tls-verify=false", "--raw", "docker://" + build.tags[0]}));
  EXPECT_EQ(raw["manifests"].items().size(), 2U);
  const Json seen =
      json_of(program({"skopeo", "inspect", "--tls-verify=false", "docker://" + build.tags[1]}));
  EXPECT_EQ(seen["Layers"].items().size(), 2U) << "attestations are no platform";
}

TEST_F(BuildExport, FilesAndTarsHoldTheFinalFileSystem) {
  write(path("l1/a"), "a");
  write(path("l1/gone"), "x");
  write(path("l2/dir/b"), "b", 04755);
  ASSERT_EQ(::chown(path("l2/dir/b").c_str(), 5, 6), 0);
  ASSERT_EQ(::chmod(path("l2/dir/b").c_str(), 04755), 0);
  ASSERT_EQ(::mknod(path("l2/gone").c_str(), S_IFCHR, 0), 0);
  ASSERT_EQ(::mknod(path("l2/null").c_str(), S_IFCHR | 0666, ::makedev(1, 3)), 0);
  BuildRequest build;
  build.outputs = {output("local", path("out/dir")), output("tar", path("out.tar")),
                   output("tar", path("again.tar"))};
  std::filesystem::create_directories(path("out"));
  const std::vector<BuiltImage> none;
  ASSERT_EQ(run({build, none, {path("l1"), path("l2")}, Json()}), "");
  EXPECT_EQ(listing(path("out/dir")), "a\ndir/\ndir/b\nnull\n");
  EXPECT_EQ(owner(path("out/dir/dir/b")), "0:0");
  EXPECT_TRUE(S_ISREG(info(path("out/dir/null")).st_mode)) << "no device leaves the store";
  const std::string names = program({"tar", "--numeric-owner", "-tvf", path("out.tar")});
  EXPECT_NE(names.find("-rwsr-xr-x 5/6"), std::string::npos) << names;
  EXPECT_EQ(names.find("gone"), std::string::npos);
  EXPECT_EQ(read(path("out.tar")), read(path("again.tar")));
}

TEST_F(BuildExport, LinksInTheDestinationDoNotLeadOut) {
  write(path("l1/dir/f"), "f");
  std::filesystem::create_directories(path("out"));
  link(path("outside"), path("out/dir"));
  BuildRequest build;
  build.outputs = {output("local", path("out"))};
  const std::vector<BuiltImage> none;
  EXPECT_NE(run({build, none, {path("l1")}, Json()}), "");
  EXPECT_EQ(listing(path("outside")), "");
}

class BuildCacheTransfer : public BuildExport {
 protected:
  std::vector<CacheRecord> records() {
    std::vector<CacheRecord> all;
    for (const char* name : {"one", "two"}) {
      auto snapshot = machine_->store->commit(layer(*machine_->store, name, name),
                                              cachestore::SnapshotKind::kStep, "", Json(),
                                              cachestore::Durability::kRelaxed);
      EXPECT_TRUE(snapshot);
      const Fd dir = *open_file(snapshot->path, O_RDONLY | O_DIRECTORY);
      all.push_back({Digest::of(name).str(), snapshot->id,
                     *cachestore::layer_diff_id(dir.get(), CancelToken()),
                     Json::object({{"content", name}})});
    }
    return all;
  }
  void expect_moves(const CacheEndpoint& to, const CacheEndpoint& from) {
    const std::vector<CacheRecord> sent = records();
    const Status exported = export_cache(machine_->place, to, sent, CancelToken());
    ASSERT_TRUE(exported) << exported.error().text();
    Machine other(path("other"));
    QuietObserver observer;
    const auto cache = import_cache(other.place, from, observer, CancelToken());
    ASSERT_TRUE(cache) << cache.error().text();
    ASSERT_EQ(cache->records.size(), 2U);
    for (const CacheRecord& record : cache->records) {
      const auto layer = fetch_cached_layer(other.place, *cache, record, CancelToken());
      ASSERT_TRUE(layer) << layer.error().text();
      const std::string name(record.metadata["content"].string_or(""));
      EXPECT_EQ(record.key, Digest::of(name).str());
      EXPECT_EQ(read(layer->path + "/" + name), name);
    }
  }
};

TEST_F(BuildCacheTransfer, MovesByDirectory) {
  expect_moves({"local", {{"dest", path("cache")}}}, {"local", {{"src", path("cache")}}});
}

TEST_F(BuildCacheTransfer, MovesByRegistry) {
  testing::DockerRegistry registry;
  const std::string ref = registry.host() + "/app:cache";
  expect_moves({"registry", {{"ref", ref}, {"compression", "gzip"}}}, {"registry", {{"ref", ref}}});
}

TEST_F(BuildCacheTransfer, MovesInsideTheImage) {
  testing::DockerRegistry registry;
  const std::vector<BuiltImage> images = {image()};
  BuildRequest build;
  build.tags = {registry.host() + "/app:1"};
  build.outputs = {output("registry", "")};
  ExportRequest request{build, images, {}, Json()};
  const cachestore::Image& built = images[0].image;
  request.inline_cache = {{Digest::of("k1").str(), built.layers[0].id, built.diff_ids[0], Json()},
                          {Digest::of("k9").str(), "x", Digest::of("elsewhere"), Json()}};
  ASSERT_EQ(run(request), "");
  Machine other(path("other"));
  QuietObserver observer;
  const auto cache =
      import_cache(other.place, {"registry", {{"ref", build.tags[0]}}}, observer, CancelToken());
  ASSERT_TRUE(cache) << cache.error().text();
  ASSERT_EQ(cache->records.size(), 1U) << "the other's layer is not in the image";
  const auto layer = fetch_cached_layer(other.place, *cache, cache->records[0], CancelToken());
  ASSERT_TRUE(layer) << layer.error().text();
  EXPECT_EQ(read(layer->path + "/one"), "content of one");
}

TEST_F(BuildCacheTransfer, ForgedLayersAreRefused) {
  const std::vector<CacheRecord> sent = records();
  ASSERT_TRUE(
      export_cache(machine_->place, {"local", {{"dest", path("cache")}}}, sent, CancelToken()));
  Machine other(path("other"));
  QuietObserver observer;
  auto cache =
      import_cache(other.place, {"local", {{"src", path("cache")}}}, observer, CancelToken());
  ASSERT_TRUE(cache);
  // The record says another layer than the one that is brought.
  std::swap(cache->records[0].diff_id, cache->records[1].diff_id);
  cache->records[0].diff_id = Digest::of("never");
  EXPECT_FALSE(fetch_cached_layer(other.place, *cache, cache->records[0], CancelToken()));
  for (const auto& file : std::filesystem::directory_iterator(path("cache/blobs/sha256"))) {
    std::ofstream(file.path(), std::ios::app) << "x";
  }
  const auto spoilt = fetch_cached_layer(other.place, *cache, cache->records[1], CancelToken());
  ASSERT_FALSE(spoilt);
  EXPECT_EQ(spoilt.error().code(), ErrorCode::kCorrupt);
}

TEST_F(BuildCacheTransfer, MissingCacheIsANote) {
  QuietObserver observer;
  const auto cache =
      import_cache(machine_->place, {"local", {{"src", path("none")}}}, observer, CancelToken());
  ASSERT_TRUE(cache) << cache.error().text();
  EXPECT_TRUE(cache->records.empty());
  EXPECT_EQ(observer.notes.size(), 1U);
  EXPECT_FALSE(import_cache(machine_->place, {"s3", {}}, observer, CancelToken()));
}

}  // namespace
}  // namespace slipway::runner
