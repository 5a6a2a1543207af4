// Overlays by the two ways that kernels have.
#include "sandbox/mounts/overlay.h"

#include "sandbox/mounts/overlay_by_text.h"
#include "tests/sandbox/container_fixture.h"

namespace slipway::sandbox {
namespace {

class Overlay : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::make_unique<TempDir>(*TempDir::make("/var/tmp", "slipway-overlay"));
    for (const char* name : {"low", "high", "upper", "work"})
      ASSERT_TRUE(make_dirs(path(name), 0755));
    ASSERT_TRUE(write_file_atomic(path("low") + "/a", "low", 0644));
    ASSERT_TRUE(write_file_atomic(path("low") + "/b", "low", 0644));
    ASSERT_TRUE(write_file_atomic(path("high") + "/b", "high", 0644));
    view_directory_ = *open_file(directory_->path(), O_PATH | O_DIRECTORY);
    const bool root =
        read_file("/proc/self/uid_map", 4_KiB)->find("4294967295") != std::string::npos;
    view_ = {directory_->path(), view_directory_.get(), !root, std::nullopt};
  }
  std::string path(const std::string& name) const { return directory_->path() + "/" + name; }
  static std::string content(const Fd& tree, const std::string& name) {
    const auto fd = open_at(tree.get(), name, O_RDONLY);
    if (!fd) return fd.error().text();
    return read_fd(fd->get(), 1_KiB, name).value_or("unreadable");
  }

  std::unique_ptr<TempDir> directory_;
  Fd view_directory_;
  LayerView view_;
};

TEST_F(Overlay, ByDescriptorsShowsTheTopmostFile) {
  const auto tree =
      mount_overlay({{path("low"), path("high")}, path("upper"), path("work")}, view_);
  ASSERT_TRUE(tree) << tree.error().text();
  EXPECT_EQ(content(*tree, "a"), "low");
  EXPECT_EQ(content(*tree, "b"), "high");
}

TEST_F(Overlay, ByTextShowsTheSame) {
  const auto tree =
      mount_overlay_by_text({{path("high"), path("low")}, path("upper"), path("work")}, view_);
  ASSERT_TRUE(tree) << tree.error().text();
  EXPECT_EQ(content(*tree, "a"), "low");
  EXPECT_EQ(content(*tree, "b"), "high");
  EXPECT_TRUE(open_at(tree->get(), "new", O_WRONLY | O_CREAT, 0644));
  EXPECT_TRUE(path_exists(path("upper") + "/new"));
}

TEST_F(Overlay, TakesHundredsOfLayers) {
  OverlayStack stack;
  OverlayNames names;
  for (int i = 0; i < 300; i++) {
    const std::string layer =
        path("layer-with-a-name-as-long-as-a-digest-would-be-" + std::to_string(i));
    ASSERT_TRUE(make_dirs(layer, 0755));
    ASSERT_TRUE(write_file_atomic(layer + "/" + std::to_string(i), "x", 0644));
    stack.lowers.push_back(layer);
    names.lowers.push_back(layer);
  }
  const Result<Fd> trees[] = {mount_overlay(stack, view_), mount_overlay_by_text(names, view_)};
  for (const Result<Fd>& tree : trees) {
    ASSERT_TRUE(tree) << tree.error().text();
    EXPECT_EQ(content(*tree, "0"), "x");
    EXPECT_EQ(content(*tree, "299"), "x");
  }
}

}  // namespace
}  // namespace slipway::sandbox
