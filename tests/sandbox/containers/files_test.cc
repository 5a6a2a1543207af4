// The files of a container: its root, differences, sizes and images.
#include <signal.h>
#include <sys/stat.h>

#include "tests/sandbox/containers/containers_fixture.h"

namespace slipway::sandbox {
namespace {

using Kind = Containers::Change::Kind;

class ContainersFiles : public ContainersTest {
 protected:
  std::vector<std::string> differences(const std::string& id) {
    std::vector<std::string> lines;
    const auto changes = containers_->diff(id);
    EXPECT_TRUE(changes) << changes.error().text();
    if (!changes) return lines;
    for (const auto& change : *changes)
      lines.push_back(std::string(1, "CAD"[static_cast<int>(change.kind)]) + " " + change.path);
    return lines;
  }
  // Runs until the script has printed "ready".
  std::string run_until_ready(const std::string& script) {
    const std::string id = create(shell(script + "; echo ready; exec sleep 1000"));
    const Attachment attached = attach(id);
    start(id);
    std::string text;
    EXPECT_TRUE(read_until(attached.stream.get(), "ready\n", text));
    return id;
  }
};

TEST_F(ContainersFiles, DifferencesAreWhatWasDoneAndNoMore) {
  const std::string id = create(config({"true"}));
  start(id);
  wait(id);
  EXPECT_EQ(differences(id), std::vector<std::string>());
  const std::string busy =
      create(shell("echo x > /tmp/new; echo y >> /etc/passwd; rm /bin/yes; rm -r /bin/wc; mkdir "
                   "/deep; echo z > /deep/er"));
  start(busy);
  EXPECT_EQ(wait(busy), 0);
  EXPECT_EQ(differences(busy),
            (std::vector<std::string>{"C /bin", "D /bin/wc", "D /bin/yes", "A /deep", "A /deep/er",
                                      "C /etc", "C /etc/passwd", "C /tmp", "A /tmp/new"}));
}

TEST_F(ContainersFiles, ADirectoryMadeAnewHidesWhatWasInIt) {
  const std::string id = create(shell("rm -r /etc; mkdir /etc; echo n > /etc/new"));
  start(id);
  wait(id);
  const auto lines = differences(id);
  EXPECT_NE(std::find(lines.begin(), lines.end(), "D /etc/passwd"), lines.end());
  EXPECT_NE(std::find(lines.begin(), lines.end(), "A /etc/new"), lines.end());
}

TEST_F(ContainersFiles, SizesCountTheUpperAndTheImage) {
  const std::string id = create(shell("head -c 100000 /dev/zero > /tmp/big"));
  start(id);
  wait(id);
  const auto sizes = containers_->sizes(id);
  ASSERT_TRUE(sizes) << sizes.error().text();
  EXPECT_EQ(sizes->first.value, 100000U);
  EXPECT_GT(sizes->second.value, 1'000'000U);
}

TEST_F(ContainersFiles, TheRootOfAStoppedOneShowsAndTakesFiles) {
  const std::string id = create(shell("echo made > /tmp/made; id -u > /tmp/who"));
  start(id);
  wait(id);
  ASSERT_TRUE(containers_->with_root(id, Access::kReadWrite, [&](int root) -> Status {
    const Fd made = SLIP_TRY(open_in_root(root, "/tmp/made", O_RDONLY));
    EXPECT_EQ(read_fd(made.get(), 1_KiB, "made").value_or(""), "made\n");
    const Fd file = SLIP_TRY(open_in_root(root, "/tmp/given", O_WRONLY | O_CREAT, 0644));
    return write_all(file.get(), "given\n", "given");
  }));
  const auto read_only = containers_->open_root(id, Access::kReadOnly);
  ASSERT_TRUE(read_only) << read_only.error().text();
  EXPECT_TRUE(open_in_root(read_only->get(), "/tmp/given", O_RDONLY));
  EXPECT_FALSE(open_in_root(read_only->get(), "/tmp/more", O_WRONLY | O_CREAT, 0644));
}

TEST_F(ContainersFiles, TheRootOfARunningOneIsItsOwnWithItsOwners) {
  const std::string id = run_until_ready("echo inside > /tmp/inside");
  ASSERT_TRUE(containers_->with_root(id, Access::kReadWrite, [&](int root) -> Status {
    const Fd inside = SLIP_TRY(open_in_root(root, "/tmp/inside", O_RDONLY));
    struct stat info {};
    if (::fstat(inside.get(), &info) != 0 || info.st_uid != 0)
      return fail(ErrorCode::kInternal, "owner " + std::to_string(info.st_uid));
    const Fd file = SLIP_TRY(open_in_root(root, "/tmp/given", O_WRONLY | O_CREAT, 0644));
    SLIP_TRY(write_all(file.get(), "given\n", "given"));
    if (::fchown(file.get(), 7, 8) != 0) return fail_errno("chown");
    return {};
  }));
  const Status failed = containers_->with_root(id, Access::kReadOnly, [](int) -> Status {
    return fail(ErrorCode::kExhausted, "full of it");
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().text(), "full of it");
  EXPECT_TRUE(containers_->stop(id, Millis(0)));
  const auto root = containers_->open_root(id, Access::kReadOnly);
  ASSERT_TRUE(root);
  const auto given = open_in_root(root->get(), "/tmp/given", O_RDONLY);
  ASSERT_TRUE(given);
  struct stat info {};
  ASSERT_EQ(::fstat(given->get(), &info), 0);
  EXPECT_EQ(info.st_uid, 7U);
}

TEST_F(ContainersFiles, CommitMakesAnImageOfWhatWasDone) {
  const std::string id = run_until_ready("echo saved > /saved");
  cachestore::ImageConfig config;
  config.cmd = {"cat", "/saved"};
  config.env = {"PATH=/bin"};
  const auto image = containers_->commit(id, config, "a comment", "an author",
                                         *cachestore::Reference::parse("saved:1"), true);
  ASSERT_TRUE(image) << image.error().text();
  EXPECT_EQ(state(id).status, ContainerStatus::kRunning);
  ContainerConfig again;
  again.image = "saved:1";
  again.network_mode = "none";
  const std::string copy = run(again);
  EXPECT_EQ(wait(copy), 0);
  EXPECT_EQ(logs(copy), "saved\n");
  // The image of a container that merely exists is in use.
  const auto removed = store_->remove_image("saved:1");
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code(), ErrorCode::kConflict);
  EXPECT_TRUE(containers_->remove(copy, {}));
  EXPECT_TRUE(store_->remove_image("saved:1"));
}

TEST_F(ContainersFiles, PausedMeansStill) {
  const std::string id = run_until_ready("true");
  const Status paused = containers_->pause(id);
  if (!paused && paused.error().code() == ErrorCode::kUnsupported)
    return;  // No cgroup of ours: said so.
  ASSERT_TRUE(paused) << paused.error().text();
  EXPECT_EQ(state(id).status, ContainerStatus::kPaused);
  const Status twice = containers_->pause(id);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code(), ErrorCode::kConflict);
  ASSERT_TRUE(containers_->unpause(id));
  EXPECT_EQ(state(id).status, ContainerStatus::kRunning);
  ASSERT_TRUE(containers_->pause(id));
  ASSERT_TRUE(containers_->kill(id, SIGKILL));
  EXPECT_EQ(wait(id), 137);
}

TEST_F(ContainersFiles, FiguresOfARunningOne) {
  const std::string id = run_until_ready("true");
  const auto stats = containers_->stats(id);
  ASSERT_TRUE(stats) << stats.error().text();
  EXPECT_GT(stats->system_ns, 0U);
  EXPECT_GE(stats->online_cpus, 1U);
  const auto pids = containers_->processes(id);
  ASSERT_TRUE(pids) << pids.error().text();
  EXPECT_GE(pids->size(), 1U);
}

}  // namespace
}  // namespace slipway::sandbox
