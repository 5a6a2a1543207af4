// Pulls that die, and pulls of several processes at once.
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <thread>

#include "tests/cachestore/transfer/image_fixtures.h"

namespace slipway::cachestore {
namespace {

using testing::content_of;
using testing::mixed_bytes;
using testing::must;
using testing::plain_image;
using testing::TestImage;

/// A number that children count in, too.
class SharedCount {
 public:
  SharedCount()
      : page_(::mmap(nullptr, sizeof(std::atomic<std::uint64_t>), PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0)),
        count_(new (page_) std::atomic<std::uint64_t>(0)) {}
  ~SharedCount() { ::munmap(page_, sizeof(std::atomic<std::uint64_t>)); }
  std::atomic<std::uint64_t>& operator*() { return *count_; }

 private:
  void* page_;
  std::atomic<std::uint64_t>* count_;
};

class CrashingPull : public testing::TransferTest {
 protected:
  // A process of its own with a store of its own, as every `runner pull` is.
  pid_t start_pull() {
    store_.reset();
    const pid_t child = ::fork();
    if (child != 0) return child;
    StoreOptions options;
    options.root = root();
    auto store = Store::open(options);
    if (!store) ::_exit(2);
    PullRequest request;
    request.name = name_;
    const auto pulled = pull_image(**store, registry_, request, nullptr, CancelToken());
    if (!pulled) ::fprintf(stderr, "%s\n", pulled.error().text().c_str());
    ::_exit(pulled ? 0 : 1);
  }
  int wait_for(pid_t child) {
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return status;
  }
};

TEST_F(CrashingPull, KilledAnywhereItContinuesWhereItWas) {
  TestImage image = plain_image(3, 600'000);
  image.publish(registry_, kRepository, "1");
  std::uint64_t whole = image.config.size();
  for (const auto& layer : image.layers) whole += layer.blob.size();
  SharedCount sent;
  const std::uint64_t step = whole / 17;
  std::uint64_t next_kill = step;
  registry_.before_piece = [&](const Digest&, std::uint64_t) -> Status {
    if (*sent > next_kill) ::raise(SIGKILL);
    *sent += registry_.piece;
    return {};
  };
  int kills = 0;
  for (;; next_kill = *sent + step) {
    const int status = wait_for(start_pull());
    if (WIFEXITED(status)) {
      EXPECT_EQ(WEXITSTATUS(status), 0);
      break;
    }
    ASSERT_EQ(WTERMSIG(status), SIGKILL);
    ASSERT_LT(++kills, 100);
  }
  EXPECT_GE(kills, 10);
  // Each kill loses at most a piece of each of four connections, and the config.
  const std::uint64_t lost = static_cast<std::uint64_t>(kills) * 6 * registry_.piece;
  EXPECT_LE(*sent, whole + lost + 8 * registry_.piece);
  open_store();
  const Image pulled = must(store_->image("reg.test/app:1"));
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(content_of(pulled.layers[i].path + "/etc/f" + std::to_string(i)),
              mixed_bytes(600'000, static_cast<unsigned>(i)));
  }
  EXPECT_TRUE(names_in("ingest").empty());
  EXPECT_LE(names_in("drafts").size(), 1U);
}

TEST_F(CrashingPull, ProcessesThatPullAtOnceShareEveryDownload) {
  TestImage image = plain_image(5, 500'000);
  image.publish(registry_, kRepository, "1");
  SharedCount pieces;
  registry_.before_piece = [&](const Digest& digest, std::uint64_t) -> Status {
    if (digest != Digest::of(image.config)) ++*pieces;
    return {};
  };
  std::uint64_t expected = 0;
  for (const auto& layer : image.layers) {
    expected += (layer.blob.size() + registry_.piece - 1) / registry_.piece;
  }
  std::vector<pid_t> children;
  for (int i = 0; i < 3; ++i) children.push_back(start_pull());
  for (const pid_t child : children) EXPECT_EQ(wait_for(child), 0);
  EXPECT_EQ(*pieces, expected);
  open_store();
  EXPECT_EQ(must(store_->image("reg.test/app:1")).layers.size(), 5U);
}

TEST_F(CrashingPull, WaitingForAPullThatDiesTakesItOver) {
  TestImage image = plain_image(1, 2'000'000);
  image.publish(registry_, kRepository, "1");
  SharedCount turn;  // 0: nobody has begun; 1: the first is in the middle of its layer
  registry_.before_piece = [&](const Digest& digest, std::uint64_t at) -> Status {
    if (digest == Digest::of(image.config) || at < 500'000 || *turn == 2) return {};
    turn.operator*() = 1;
    for (;;) ::pause();
  };
  const pid_t first = start_pull();
  while (*turn != 1) std::this_thread::yield();
  registry_.before_piece = nullptr;
  const pid_t second = start_pull();
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  EXPECT_EQ(wait_for(second), 0);
  wait_for(first);
  open_store();
  EXPECT_EQ(must(store_->image("reg.test/app:1")).layers.size(), 1U);
}

}  // namespace
}  // namespace slipway::cachestore
