// Who pulls an image when several want it, against a registry in memory.
#include <gtest/gtest.h>

#include <thread>

#include "base/files.h"
#include "base/sys.h"
#include "cachestore/transfer.h"
#include "runner/execute/images.h"
#include "tests/support/fake_registry.h"
#include "tests/support/tar_writer.h"

namespace slipway::runner {
namespace {

using pipeline::PullPolicy;
using testing::FakeRegistry;
using testing::FakeRule;

/// Notes what is said, and lets a test wait for it.
class Listener : public TransferProgress {
 public:
  void begin(const std::string& title, Direction) override { say("begin " + title); }
  void layers(std::size_t, std::size_t) override {}
  void layer(const cachestore::LayerProgress&) override {}
  void say(const std::string& line) override {
    said_.with([&](std::vector<std::string>& said) { said.push_back(line); });
    said_.notify_all();
  }
  void end() override {}
  void wait_for(const std::string& text) {
    said_.wait(
        [&](const std::vector<std::string>& said) {
          return std::any_of(said.begin(), said.end(), [&](const std::string& line) {
            return line.find(text) != std::string::npos;
          });
        },
        [](const std::vector<std::string>&) {});
  }

 private:
  Guarded<std::vector<std::string>> said_;
};

class ImageSourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = TempDir::make("/var/tmp", "image-source-");
    ASSERT_TRUE(made);
    directory_ = std::make_unique<TempDir>(std::move(*made));
    auto store = cachestore::Store::open({directory_->path() + "/store", {}, true});
    ASSERT_TRUE(store) << store.error().text();
    store_ = *store;
    publish();
    access_ = std::make_unique<RegistryAccess>(
        [](const std::string&) -> std::optional<std::string> { return std::nullopt; },
        std::vector<std::string>{}, Accounts::Warn(), CancelToken());
    source_ = std::make_unique<ImageSource>(*store_, *access_);
  }

  void publish() {
    const std::string tar = testing::TarWriter().dir("bin").file("bin/sh", "#!").finish();
    layer_ = registry_.put_blob("team/app", tar);
    const Json rootfs =
        Json::object({{"type", "layers"}, {"diff_ids", Json::array({layer_.str()})}});
    const std::string config =
        Json::object({{"architecture", cachestore::Platform::host().architecture},
                      {"os", "linux"},
                      {"rootfs", rootfs}})
            .dump();
    const auto describe = [](const char* type, const std::string& bytes) {
      return Json::object({{"mediaType", std::string("application/vnd.oci.image.") + type},
                           {"digest", Digest::of(bytes).str()},
                           {"size", static_cast<std::uint64_t>(bytes.size())}});
    };
    registry_.put_blob("team/app", config);
    const std::string type = "application/vnd.oci.image.manifest.v1+json";
    registry_.put_manifest("team/app", "1", type,
                           Json::object({{"schemaVersion", 2},
                                         {"mediaType", type},
                                         {"config", describe("config.v1+json", config)},
                                         {"layers", Json::array({describe("layer.v1.tar", tar)})}})
                               .dump());
  }

  ImageWish wish(PullPolicy pull = PullPolicy::kMissing) {
    return {registry_.host() + "/team/app:1", pull, "", std::nullopt};
  }
  std::string layer_path() const { return "/blobs/" + layer_.str(); }
  std::size_t layer_fetches() { return registry_.server().count("GET", layer_path()); }
  /// The first fetch of the layer is answered only when the gate opens, at the latest when the test ends.
  void hold_layer() {
    FakeRule rule;
    rule.method = "GET";
    rule.path_part = layer_path();
    rule.change = [held = held_, gate = gate_](const testing::FakeRequest&, testing::FakeAnswer&) {
      held.cancel(CancelLevel::kTerminate);
      (void)sys::wait_readable(gate.poll_fd(), std::nullopt);
    };
    registry_.server().add_rule(std::move(rule));
  }
  void wait_until_held() { (void)sys::wait_readable(held_.poll_fd(), std::nullopt); }
  void open_gate() { gate_.cancel(CancelLevel::kTerminate); }
  void TearDown() override { open_gate(); }

  CancelToken held_;
  CancelToken gate_;
  std::unique_ptr<TempDir> directory_;
  FakeRegistry registry_;
  Digest layer_;
  std::shared_ptr<cachestore::Store> store_;
  std::unique_ptr<RegistryAccess> access_;
  std::unique_ptr<ImageSource> source_;
};

TEST_F(ImageSourceTest, PullsOnceForAllWhoWantIt) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const Status done = source_->ensure(wish(), nullptr, CancelToken());
      EXPECT_TRUE(done) << done.error().text();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(layer_fetches(), 1u);
  EXPECT_TRUE(store_->image(wish().name));
}

TEST_F(ImageSourceTest, LetsAnotherGoOnWhenThePullerIsCancelled) {
  hold_layer();
  const CancelToken first_cancel;
  Listener first;
  Listener second;
  Status first_status;
  Status second_status;
  std::thread puller([&] { first_status = source_->ensure(wish(), &first, first_cancel); });
  wait_until_held();
  std::thread waiter([&] { second_status = source_->ensure(wish(), &second, CancelToken()); });
  second.wait_for("which another job pulls");
  first_cancel.cancel(CancelLevel::kTerminate);
  puller.join();
  waiter.join();
  ASSERT_FALSE(first_status);
  EXPECT_EQ(first_status.error().code(), ErrorCode::kCancelled) << first_status.error().text();
  EXPECT_TRUE(second_status) << second_status.error().text();
}

TEST_F(ImageSourceTest, AWaiterCanBeCancelledAlone) {
  hold_layer();
  const CancelToken cancel;
  Listener first;
  Listener second;
  Status first_status;
  Status second_status;
  std::thread puller([&] { first_status = source_->ensure(wish(), &first, CancelToken()); });
  wait_until_held();
  std::thread waiter([&] { second_status = source_->ensure(wish(), &second, cancel); });
  second.wait_for("which another job pulls");
  cancel.cancel(CancelLevel::kTerminate);
  waiter.join();
  open_gate();
  puller.join();
  ASSERT_FALSE(second_status);
  EXPECT_EQ(second_status.error().code(), ErrorCode::kCancelled);
  EXPECT_TRUE(first_status) << first_status.error().text();
}

TEST_F(ImageSourceTest, EndsAPullWhenTheStepsTimeIsOver) {
  hold_layer();
  ImageWish late = wish();
  late.deadline = real_clock().mono() + std::chrono::milliseconds(50);
  const Status status = source_->ensure(late, nullptr, CancelToken());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kTimeout) << status.error().text();
}

TEST_F(ImageSourceTest, AsksTheRegistryAsThePolicySays) {
  const Status never = source_->ensure(wish(PullPolicy::kNever), nullptr, CancelToken());
  ASSERT_FALSE(never);
  EXPECT_EQ(never.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(registry_.server().count(), 0u);
  ASSERT_TRUE(source_->ensure(wish(), nullptr, CancelToken()));
  const std::size_t asked = registry_.server().count();
  ASSERT_TRUE(source_->ensure(wish(), nullptr, CancelToken()));
  ASSERT_TRUE(source_->ensure(wish(PullPolicy::kNever), nullptr, CancelToken()));
  EXPECT_EQ(registry_.server().count(), asked);
  ImageSource fresh(*store_, *access_);
  ASSERT_TRUE(fresh.ensure(wish(PullPolicy::kAlways), nullptr, CancelToken()));
  const std::size_t again = registry_.server().count();
  EXPECT_GT(again, asked);
  ASSERT_TRUE(fresh.ensure(wish(PullPolicy::kAlways), nullptr, CancelToken()));
  EXPECT_EQ(registry_.server().count(), again) << "always means once in a run";
  EXPECT_EQ(layer_fetches(), 1u);
}

TEST_F(ImageSourceTest, SaysHowElseToGetAnImageThatIsNowhere) {
  ImageWish missing = wish();
  missing.name = registry_.host() + "/team/none";
  const Status status = source_->ensure(missing, nullptr, CancelToken());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code(), ErrorCode::kNotFound) << status.error().text();
  EXPECT_NE(status.error().text().find("runner image import"), std::string::npos);
  missing.name = "sha256:" + std::string(64, '0');
  EXPECT_EQ(source_->ensure(missing, nullptr, CancelToken()).error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace slipway::runner
