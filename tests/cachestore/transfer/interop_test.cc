// Our pulls and pushes over HTTP, with registries and tools that others wrote.
#include <signal.h>
#include <sys/wait.h>

#include "tests/cachestore/registry/registry_fixtures.h"
#include "tests/cachestore/transfer/image_fixtures.h"
#include "tests/support/docker_registry.h"
#include "tests/support/program.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
// Pulls run in forked children here, while the fake registry's threads run in the parent.
extern "C" const char* __tsan_default_options() { return "die_after_fork=0"; }
#endif
#endif

namespace slipway::cachestore {
namespace {

using testing::content_of;
using testing::mixed_bytes;
using testing::must;
using testing::plain_image;
using testing::TarWriter;
using testing::TestImage;

/// Moves images by the real client.
class Interop : public testing::TransferTest {
 protected:
  Result<Pulled> pull_from(const std::string& name) {
    PullRequest request;
    request.name = must(Reference::parse(name));
    return pull_image(*store_, *client_, request, nullptr, CancelToken());
  }
  Result<Pushed> push_to(const std::string& image, const std::string& name,
                         LayerCompression compression = LayerCompression::kKeep) {
    PushRequest request;
    request.image = image;
    request.name = must(Reference::parse(name));
    request.compression = compression;
    return push_image(*store_, *client_, request, nullptr, CancelToken());
  }
  std::string run(const std::vector<std::string>& argv) {
    const auto run = testing::run_program(argv);
    EXPECT_EQ(run.exit_code, 0) << argv[0] << " " << argv[1] << ": " << run.err;
    return run.out;
  }
  void skopeo_copy(const std::string& from, const std::string& to, const std::string& more = "") {
    std::vector<std::string> argv = {"skopeo",
                                     "--insecure-policy",
                                     "copy",
                                     "--quiet",
                                     "--src-tls-verify=false",
                                     "--dest-tls-verify=false",
                                     "--all",
                                     from,
                                     to};
    if (!more.empty()) argv.insert(argv.begin() + 3, {"--format", more});
    run(argv);
  }
  std::string skopeo_manifest(const std::string& name) {
    return run({"skopeo", "inspect", "--raw", "--tls-verify=false", "docker://" + name});
  }
  // The image as an OCI layout for skopeo to take from.
  std::string write_layout(TestImage& image) {
    const std::string layout = scratch_.path("layout");
    must(make_dirs(layout + "/blobs/sha256", 0755));
    const Digest digest = image.publish(registry_, "app", "1");
    registry_.state.with([&](auto& state) {
      for (const auto* all : {&state.blobs, &state.manifests}) {
        for (const auto& [name, bytes] : *all) {
          must(write_file_atomic(layout + "/blobs/sha256/" + name.substr(name.rfind(':') + 1),
                                 bytes, 0644));
        }
      }
    });
    Json entry = image.describe(kManifestType, image.manifest.dump());
    entry.set("annotations", Json::object({{"org.opencontainers.image.ref.name", "1"}}));
    const Json index =
        Json::object({{"schemaVersion", 2}, {"manifests", Json::array({std::move(entry)})}});
    must(write_file_atomic(layout + "/index.json", index.dump(), 0644));
    must(write_file_atomic(layout + "/oci-layout", R"({"imageLayoutVersion":"1.0.0"})", 0644));
    EXPECT_EQ(digest, Digest::of(image.manifest.dump()));
    return "oci:" + layout + ":1";
  }

  std::shared_ptr<Registry> client_ = testing::open_client();
};

TEST_F(Interop, WhatSkopeoBroughtGoesThroughUsBitByBit) {
  const testing::DockerRegistry registry;
  TestImage image = plain_image(3);
  const std::string layout = write_layout(image);
  for (const char* format : {"oci", "v2s2"}) {
    const std::string from = registry.host() + "/from/" + format + ":1";
    const std::string to = registry.host() + "/to/" + format + ":1";
    skopeo_copy(layout, "docker://" + from, format);
    const Pulled pulled = must(pull_from(from));
    const std::string manifest = skopeo_manifest(from);
    EXPECT_EQ(pulled.digest, Digest::of(manifest));
    const Pushed pushed = must(push_to(from, to));
    EXPECT_EQ(pushed.digest, pulled.digest);
    EXPECT_EQ(pushed.layers_present, 3U) << "mounted";
    EXPECT_EQ(skopeo_manifest(to), manifest);
    // Everything is there, and skopeo agrees with every digest.
    skopeo_copy("docker://" + to, "dir:" + scratch_.path(std::string("out-") + format));
  }
}

TEST_F(Interop, GoesToAnotherRegistryWhereNothingCanBeMounted) {
  const testing::DockerRegistry one;
  const testing::DockerRegistry two;
  TestImage image = plain_image(2, 400'000);
  skopeo_copy(write_layout(image), "docker://" + one.host() + "/app:1");
  const Pulled pulled = must(pull_from(one.host() + "/app:1"));
  const Pushed pushed = must(push_to(one.host() + "/app:1", two.host() + "/app:1"));
  EXPECT_EQ(pushed.digest, pulled.digest);
  EXPECT_EQ(pushed.layers_present, 0U);
  const Pushed again = must(push_to(one.host() + "/app:1", two.host() + "/app:1"));
  EXPECT_EQ(again.bytes, 0U);
  EXPECT_EQ(Digest::of(skopeo_manifest(two.host() + "/app:1")), pulled.digest);
}

TEST_F(Interop, BuildahSeesTheFilesAndRemovalsOfLayersMadeHere) {
  if (::geteuid() != 0) GTEST_SKIP() << "whiteouts and mounts need root";
  Draft base = must(store_->begin());
  must(make_dirs(base.upper() + "/dir", 0755));
  must(write_file_atomic(base.upper() + "/dir/old", "old", 0644));
  must(write_file_atomic(base.upper() + "/gone", "gone", 0644));
  Draft top = must(store_->begin());
  must(make_dirs(top.upper() + "/dir", 0755));
  must(write_file_atomic(top.upper() + "/dir/new", mixed_bytes(900'000, 2), 0600));
  ASSERT_EQ(::setxattr((top.upper() + "/dir").c_str(), "trusted.overlay.opaque", "y", 1, 0), 0);
  ASSERT_EQ(::mknod((top.upper() + "/gone").c_str(), S_IFCHR, 0), 0);
  CreateImage create;
  create.name = must(Reference::parse("made:1"));
  create.steps.resize(2);
  create.steps[0].draft.emplace(std::move(base));
  create.steps[1].draft.emplace(std::move(top));
  must(store_->create_image(std::move(create), CancelToken()));
  const testing::DockerRegistry registry;
  for (const auto compression : {LayerCompression::kGzip, LayerCompression::kZstd}) {
    const std::string name =
        registry.host() + "/made:" + std::to_string(static_cast<int>(compression));
    must(push_to("made:1", name, compression));
    const auto buildah = [&](std::vector<std::string> more) {
      std::vector<std::string> argv = {"buildah",   "--root",           scratch_.path("b"),
                                       "--runroot", scratch_.path("r"), "--storage-driver",
                                       "vfs"};
      argv.insert(argv.end(), more.begin(), more.end());
      std::string out = run(argv);
      return out.substr(0, out.find('\n'));
    };
    const std::string container = buildah({"from", "--quiet", "--tls-verify=false", name});
    const std::string root = buildah({"mount", container});
    EXPECT_EQ(content_of(root + "/dir/new"), mixed_bytes(900'000, 2));
    EXPECT_EQ(testing::lstat_of(root + "/dir/new").st_mode & 0777U, 0600U);
    EXPECT_FALSE(path_exists(root + "/dir/old")) << "hidden by an opaque directory";
    EXPECT_FALSE(path_exists(root + "/gone")) << "hidden by a whiteout";
    buildah({"rm", container});
  }
}

TEST_F(Interop, ArtifactsLieInARealRegistry) {
  const testing::DockerRegistry registry;
  const Fd from = scratch_.make_dir("from");
  const Fd to = scratch_.make_dir("to");
  (void)scratch_.file("from/report", mixed_bytes(2'000'000, 9));
  must(make_dirs(scratch_.path("from/site"), 0755));
  (void)scratch_.file("from/site/index.html", "<p>");
  ArtifactPush request;
  request.name = must(Reference::parse(registry.host() + "/files:1"));
  request.dir_fd = from.get();
  request.paths = {"report", "site"};
  const Pushed pushed = must(push_artifact(*client_, request, nullptr, CancelToken()));
  EXPECT_EQ(must(pull_artifact(*client_, request.name, to.get(), nullptr, CancelToken())).digest,
            pushed.digest);
  EXPECT_EQ(content_of(scratch_.path("to/report")), mixed_bytes(2'000'000, 9));
  EXPECT_EQ(content_of(scratch_.path("to/site/index.html")), "<p>");
}

/// The same over connections that break, with every request counted.
class OverHttp : public Interop {
 protected:
  void publish(TestImage& image) {
    image.publish(registry_, "app", "1");
    registry_.state.with([&](auto& state) {
      for (const auto& [name, bytes] : state.blobs) fake_.put_blob("app", bytes);
    });
    fake_.put_manifest("app", "1", std::string(kManifestType), image.manifest.dump());
  }
  std::string name() { return fake_.host() + "/app:1"; }

  testing::FakeRegistry fake_;
};

TEST_F(OverHttp, AskingForWhatIsHereIsOneRequest) {
  TestImage image = plain_image(2);
  publish(image);
  must(pull_from(name()));
  fake_.server().forget_requests();
  EXPECT_FALSE(must(pull_from(name())).changed);
  ASSERT_EQ(fake_.server().count(), 1U);
  EXPECT_EQ(fake_.server().requests()[0].method, "HEAD");
}

TEST_F(OverHttp, ATransferThatBreaksGoesOnWithinTheSamePull) {
  TestImage image = plain_image(1, 3'000'000);
  publish(image);
  const std::string hex = Digest::of(image.layers[0].blob).hex();
  for (int i = 0; i < 3; ++i) {
    fake_.server().add_rule(testing::fault::cut_body("GET", hex, 300'000));
  }
  const Pulled pulled = must(pull_from(name()));
  EXPECT_EQ(fake_.server().count("GET", hex), 4U);
  EXPECT_EQ(pulled.bytes, image.layers[0].blob.size() + image.config.size())
      << "no byte came twice";
}

TEST_F(OverHttp, ProcessesThatPullAtOnceAskForEachLayerOnce) {
  TestImage image = plain_image(5, 300'000);
  publish(image);
  store_.reset();
  std::vector<pid_t> children;
  for (int i = 0; i < 3; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      open_store();
      client_ = testing::open_client();
      ::_exit(pull_from(name()) ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  std::string asked;
  for (const auto& request : fake_.server().requests()) {
    asked += request.method + " " + request.path + " " + request.header("range") + "\n";
  }
  for (const auto& layer : image.layers) {
    EXPECT_EQ(fake_.server().count("GET", Digest::of(layer.blob).hex()), 1U) << asked;
  }
}

TEST_F(OverHttp, APullThatDiedInTheMiddleAsksForTheRestOnly) {
  TestImage image = plain_image(1, 3'000'000);
  publish(image);
  const std::string hex = Digest::of(image.layers[0].blob).hex();
  store_.reset();
  fake_.server().add_rule(testing::fault::cut_body("GET", hex, 1'000'000));
  const pid_t child = ::fork();
  if (child == 0) {
    open_store();
    testing::ClientWorld world;
    world.options.attempts = 1;
    client_ = world.open();
    const auto pulled = pull_from(name());
    ::raise(pulled ? SIGTERM : SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  open_store();
  fake_.server().forget_requests();
  const Pulled pulled = must(pull_from(name()));
  EXPECT_LE(pulled.bytes, image.layers[0].blob.size() + image.config.size() - 900'000);
  const auto requests = fake_.server().requests();
  const auto ranged = std::find_if(requests.begin(), requests.end(), [&](const auto& request) {
    return request.path.find(hex) != std::string::npos;
  });
  ASSERT_NE(ranged, requests.end());
  EXPECT_NE(ranged->header("range"), "");
}

}  // namespace
}  // namespace slipway::cachestore
