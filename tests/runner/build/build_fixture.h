#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/files.h"
#include "runner/build/build.h"
#include "runner/build/stack_lookup.h"
#include "runner/registry/access.h"
#include "tests/support/paths.h"
#include "tests/support/program.h"

namespace slipway::runner {

/// Remembers what a build said.
class BuildWitness : public BuildObserver {
 public:
  void vertex(const BuildVertex& vertex) override {
    latest[vertex.name] = vertex;
    order.emplace_back(vertex.name, vertex.state);
  }
  void output(std::size_t /*vertex*/, int /*stream*/, std::string_view bytes) override {
    text += bytes;
  }
  void progress(std::size_t /*vertex*/, const std::string& /*what*/, std::uint64_t /*done*/,
                std::uint64_t /*total*/) override {}
  void warning(const pipeline::LintFinding& finding) override { rules.push_back(finding.rule); }
  void note(const std::string& note) override { notes.push_back(note); }

  /// Names of vertices that ended so.
  std::vector<std::string> in_state(VertexState state) const {
    std::vector<std::string> names;
    for (const auto& [name, vertex] : latest) {
      if (vertex.state == state) names.push_back(name);
    }
    return names;
  }

  std::map<std::string, BuildVertex> latest;
  std::vector<std::pair<std::string, VertexState>> order;
  std::string text;
  std::vector<std::string> rules;
  std::vector<std::string> notes;
};

/// Builds in this process, on a store of its own that holds the image `busybox`.
class BuildTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    const Status entered = sandbox::enter_engine_namespaces();
    ASSERT_TRUE(entered) << entered.error().text();
    auto made = TempDir::make("/var/tmp", "build-test-");
    ASSERT_TRUE(made) << made.error().text();
    shared_ = std::make_unique<TempDir>(std::move(*made));
    make_root(shared_->path() + "/root");
    const auto packed =
        testing::run_program({"tar", "-C", shared_->path() + "/root", "--owner=0", "--group=0",
                              "-cf", shared_->path() + "/root.tar", "."});
    ASSERT_EQ(packed.exit_code, 0) << packed.err;
  }
  static void TearDownTestSuite() { shared_.reset(); }

  void SetUp() override {
    directory_ = std::make_unique<TempDir>(*TempDir::make("/var/tmp", "build-test-"));
    std::filesystem::create_directories(context());
    open_state();
    import_busybox();
  }

  void import_busybox() {
    const Fd tar = *open_file(shared_->path() + "/root.tar", O_RDONLY);
    cachestore::ImportRequest request;
    request.fd = tar.get();
    request.source = "root.tar";
    request.name = *cachestore::Reference::parse("busybox");
    request.config.cmd = {"sh"};
    const auto imported = store_->import_image(request, CancelToken());
    ASSERT_TRUE(imported) << imported.error().text();
  }

  void open_state() {
    auto store = cachestore::Store::open({.root = state()});
    ASSERT_TRUE(store) << store.error().text();
    store_ = *std::move(store);
    auto engine = sandbox::Engine::open({.store_root = store_->root()});
    ASSERT_TRUE(engine) << engine.error().text();
    engine_ = *std::move(engine);
    access_ = std::make_unique<RegistryAccess>(
        [](const std::string&) { return std::optional<std::string>(); }, std::vector<std::string>{},
        [](const std::string&) {}, CancelToken());
    images_ = std::make_unique<ImageSource>(*store_, *access_);
  }

  std::string state() const { return directory_->path() + "/state"; }
  std::string context() const { return directory_->path() + "/context"; }

  /// A file of the context.
  void write(const std::string& name, const std::string& text, unsigned mode = 0644) const {
    const std::string path = context() + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path, std::ios::binary) << text;
    std::filesystem::permissions(path, static_cast<std::filesystem::perms>(mode));
  }

  using Change = std::function<void(BuildRequest&)>;
  Result<BuildResult> build_raw(const std::string& dockerfile, BuildWitness& witness,
                                const Change& change = {},
                                const CancelToken& cancel = CancelToken()) {
    write("Dockerfile", dockerfile);
    BuildRequest request;
    request.context.context = context();
    request.context.state_dir = state();
    request.network = "none";  // Most tests are about something else.
    if (change) change(request);
    const BuildPlace place{*store_, *engine_, *images_, nullptr, state()};
    return runner::build(place, request, witness, cancel);
  }
  /// A build that must succeed; its witness is `seen`.
  BuildResult build(const std::string& dockerfile, const Change& change = {}) {
    seen = BuildWitness();
    auto result = build_raw(dockerfile, seen, change);
    EXPECT_TRUE(result) << (result ? "" : result.error().text());
    if (!result) return {};
    EXPECT_FALSE(result->failure) << (result->failure ? rendered(*result->failure) : "")
                                  << seen.text;
    return *std::move(result);
  }
  cachestore::Image image(const std::string& dockerfile, const Change& change = {}) {
    BuildResult result = build(dockerfile, change);
    EXPECT_EQ(result.images.size(), 1U);
    return result.images.empty() ? cachestore::Image{} : result.images.front().image;
  }
  /// What is wrong with it, as shown to people.
  std::string failure(const std::string& dockerfile, const Change& change = {}) {
    seen = BuildWitness();
    auto result = build_raw(dockerfile, seen, change);
    if (!result) return "error: " + result.error().text();
    EXPECT_TRUE(result->failure) << "the build succeeded";
    return result->failure ? rendered(*result->failure) : "";
  }
  static std::string rendered(const BuildFailure& failure) {
    std::string text = render(failure.diagnostics, failure.sources, pipeline::Colour::kNo);
    for (const std::string& line : failure.last_lines) text += line + "\n";
    return text;
  }

  static std::vector<std::string> lowers(const cachestore::Image& image) {
    std::vector<std::string> paths;
    for (const cachestore::Snapshot& layer : image.layers) paths.push_back(layer.path);
    return paths;
  }
  /// The content of a file of the image; "(missing)", "(directory)".
  static std::string file(const cachestore::Image& image, const std::string& path) {
    const auto found = look_up(lowers(image), path);
    if (!found) return found.error().text();
    if (found->kind == StackEntry::Kind::kMissing) return "(missing)";
    if (found->kind == StackEntry::Kind::kDirectory) return "(directory)";
    return read_file(found->layers.front(), 1_MiB).value_or("(no regular file)");
  }
  static std::vector<std::string> history(const cachestore::Image& image) {
    std::vector<std::string> lines;
    for (const auto& entry : image.config.history) {
      if (entry.comment == "buildkit.dockerfile.v0") lines.push_back(entry.created_by);
    }
    return lines;
  }

  static void make_root(const std::string& root) {
    for (const char* dir : {"bin", "etc", "tmp", "root", "home/app"})
      std::filesystem::create_directories(root + "/" + dir);
    std::filesystem::copy_file("/bin/busybox", root + "/bin/busybox");
    std::filesystem::copy_file(testing::guest_dir() + "/ask_socket", root + "/bin/ask_socket");
    for (const char* tool :
         {"sh",   "cat",    "echo",  "id",   "sleep", "ls",    "env",     "touch",
          "head", "true",   "false", "grep", "rm",    "mkdir", "ln",      "chown",
          "test", "mkfifo", "pwd",   "stat", "find",  "cp",    "hostname"}) {
      std::filesystem::create_symlink("busybox", root + "/bin/" + tool);
    }
    std::ofstream(root + "/etc/passwd")
        << "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n";
    std::ofstream(root + "/etc/group") << "root:x:0:\napp:x:1000:\n";
  }

  BuildWitness seen;
  std::unique_ptr<TempDir>
      directory_;  ///< Outlives the engine, whose view of the store is a mount in it.
  std::shared_ptr<cachestore::Store> store_;
  std::unique_ptr<sandbox::Engine> engine_;
  std::unique_ptr<ImageSource> images_;
  std::unique_ptr<RegistryAccess> access_;
  static inline std::unique_ptr<TempDir> shared_;
};

}  // namespace slipway::runner
