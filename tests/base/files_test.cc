// Files, paths inside a root, and tree removal.
#include "base/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace slipway {
namespace {

class Files : public ::testing::Test {
 protected:
  std::string path(const std::string& name) const { return dir_.path() + "/" + name; }
  Fd root() const { return open_file(dir_.path(), O_PATH | O_DIRECTORY).value(); }
  TempDir dir_ = TempDir::make("/tmp", "slipway-files-").value();
};

TEST_F(Files, AtomicWriteReplacesWithTheModeAskedForAndLeavesNoTemporary) {
  ASSERT_TRUE(write_file_atomic(path("f"), "one", 0644));
  ASSERT_TRUE(write_file_atomic(path("f"), "two", 0666));
  EXPECT_EQ(read_file(path("f"), 10_KiB).value(), "two");
  struct stat info {};
  ASSERT_EQ(::stat(path("f").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0666U);
  EXPECT_EQ(list_dir(root().get(), "dir").value(), std::vector<std::string>{"f"});
}

TEST_F(Files, FailedAtomicWriteLeavesNoTemporary) {
  ASSERT_TRUE(make_dirs(path("target"), 0755));
  EXPECT_FALSE(write_file_atomic(path("target"), "x", 0644));
  EXPECT_EQ(list_dir(root().get(), "dir").value(), std::vector<std::string>{"target"});
}

TEST_F(Files, ReadRefusesLargeFilesAndEverythingThatIsNotAFile) {
  ASSERT_TRUE(write_file_atomic(path("big"), std::string(2048, 'x'), 0644));
  EXPECT_EQ(read_file(path("big"), 1_KiB).error().code(), ErrorCode::kExhausted);
  EXPECT_EQ(read_file(path("big"), 2_KiB).value().size(), 2048U);
  ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0644), 0);
  EXPECT_EQ(read_file(path("fifo"), 1_KiB).error().text(),
            "read " + path("fifo") + ": not a regular file");
  EXPECT_FALSE(read_file("/dev/zero", 1_KiB));
  EXPECT_FALSE(read_file(dir_.path(), 1_KiB));
  EXPECT_EQ(read_file(path("none"), 1_KiB).error().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(read_file("/proc/self/status", 64_KiB).value().empty());
}

TEST_F(Files, MakeDirsAcceptsWhatExistsAndNamesWhatIsInTheWay) {
  ASSERT_TRUE(make_dirs(path("a/b/c"), 0755));
  ASSERT_TRUE(make_dirs(path("a/b/c/"), 0755));
  ASSERT_TRUE(write_file_atomic(path("file"), "", 0644));
  const Status status = make_dirs(path("file/x"), 0755);
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().text().find("file"), std::string::npos);
  EXPECT_FALSE(make_dirs(path("file"), 0755));
}

TEST_F(Files, NothingLeavesTheRoot) {
  ASSERT_TRUE(make_dirs(path("jail/in"), 0755));
  ASSERT_TRUE(write_file_atomic(path("secret"), "outside", 0644));
  ASSERT_TRUE(write_file_atomic(path("jail/secret"), "inside", 0644));
  ASSERT_EQ(::symlink("/secret", path("jail/absolute").c_str()), 0);
  ASSERT_EQ(::symlink("../../../secret", path("jail/in/up").c_str()), 0);
  ASSERT_EQ(::symlink("/proc/self/root", path("jail/magic").c_str()), 0);
  const Fd jail = open_file(path("jail"), O_PATH | O_DIRECTORY).value();
  for (const char* name : {"absolute", "in/up", "../secret", "/../../secret", "in/../../secret"}) {
    const Fd fd = open_in_root(jail.get(), name, O_RDONLY).value();
    EXPECT_EQ(read_fd(fd.get(), 1_KiB, name).value(), "inside") << name;
  }
  EXPECT_FALSE(open_in_root(jail.get(), "magic/etc/passwd", O_RDONLY));
  EXPECT_FALSE(open_in_root(jail.get(), std::string("secret\0x", 8), O_RDONLY));
}

TEST_F(Files, DirectoriesAreMadeInsideTheRootEvenThroughLinks) {
  ASSERT_TRUE(make_dirs(path("jail"), 0755));
  ASSERT_TRUE(make_dirs(path("out"), 0755));
  ASSERT_EQ(::symlink(path("out").c_str(), path("jail/link").c_str()), 0);
  const Fd jail = open_file(path("jail"), O_PATH | O_DIRECTORY).value();
  EXPECT_FALSE(make_dirs_in_root(jail.get(), "link/x", 0755));  // dangling inside the root
  ASSERT_TRUE(make_dirs_in_root(jail.get(), "a/./b//../c", 0700));
  EXPECT_TRUE(path_exists(path("jail/a/c")));
  EXPECT_TRUE(
      list_dir(open_file(path("out"), O_RDONLY | O_DIRECTORY)->get(), "out").value().empty());
}

TEST_F(Files, RemoveTreeTakesLinksNotTheirTargets) {
  ASSERT_TRUE(make_dirs(path("tree/a/b"), 0755));
  ASSERT_TRUE(write_file_atomic(path("keep"), "x", 0644));
  ASSERT_EQ(::symlink(dir_.path().c_str(), path("tree/a/link").c_str()), 0);
  ASSERT_TRUE(write_file_atomic(path("tree/a/b/f"), "", 0));
  ASSERT_EQ(::chmod(path("tree/a/b").c_str(), 0), 0);
  ASSERT_TRUE(remove_tree(path("tree/")));
  EXPECT_FALSE(path_exists(path("tree")));
  EXPECT_TRUE(path_exists(path("keep")));
  EXPECT_TRUE(remove_tree(path("tree")));
  EXPECT_TRUE(remove_tree(path("no/such/parent")));
  EXPECT_FALSE(remove_tree(path("..")));
}

TEST_F(Files, RemoveTreeTakesALinkItself) {
  ASSERT_TRUE(make_dirs(path("dir/x"), 0755));
  ASSERT_EQ(::symlink("dir", path("link").c_str()), 0);
  ASSERT_TRUE(remove_tree(path("link")));
  EXPECT_TRUE(path_exists(path("dir/x")));
}

// 3,000 levels: deeper than the descriptors allowed here, and much deeper than PATH_MAX.
TEST_F(Files, RemoveTreeNeedsNeitherDescriptorsNorStackForDepth) {
  Fd at = open_file(dir_.path(), O_PATH | O_DIRECTORY).value();
  for (int i = 0; i < 3000; ++i) {
    ASSERT_EQ(::mkdirat(at.get(), "deep", 0755), 0);
    ASSERT_EQ(::mkdirat(at.get(), "also", 0755), 0);
    at = open_at(at.get(), "deep", O_PATH | O_DIRECTORY).value();
  }
  at.reset();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit few{128, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  const Status removed = remove_tree(path("deep"));
  ::setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_TRUE(removed) << removed.error().text();
  EXPECT_FALSE(path_exists(path("deep")));
}

TEST_F(Files, RemoveTreeWithManyEntriesEmptiesAll) {
  ASSERT_TRUE(make_dirs(path("many"), 0755));
  const Fd many = open_file(path("many"), O_PATH | O_DIRECTORY).value();
  for (int i = 0; i < 3000; ++i) {
    const std::string name = "n" + std::to_string(i);
    if (i % 3 == 0) {
      ASSERT_EQ(::mkdirat(many.get(), name.c_str(), 0755), 0);
    } else {
      ASSERT_TRUE(open_at(many.get(), name, O_WRONLY | O_CREAT, 0644));
    }
  }
  ASSERT_TRUE(remove_tree(path("many")));
  EXPECT_FALSE(path_exists(path("many")));
}

// In a child with a mount namespace of its own, so that the mount is gone whatever happens; anybody may do that
// inside a user namespace.
int remove_tree_with_a_mount(const std::string& tree, const std::string& mounted) {
  const int spaces = CLONE_NEWNS | (::geteuid() == 0 ? 0 : CLONE_NEWUSER);
  if (::unshare(spaces) != 0) return 2;
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 3;
  if (::mount(mounted.c_str(), (tree + "/mnt").c_str(), nullptr, MS_BIND, nullptr) != 0) return 4;
  const Status removed = remove_tree(tree);
  return !removed && removed.error().code() == ErrorCode::kConflict ? 0 : 5;
}

TEST_F(Files, RemoveTreeStopsAtAMountPoint) {
  ASSERT_TRUE(make_dirs(path("tree/mnt"), 0755));
  ASSERT_TRUE(make_dirs(path("precious/data"), 0755));
  const pid_t child = ::fork();
  if (child == 0) ::_exit(remove_tree_with_a_mount(path("tree"), path("precious")));
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(path_exists(path("precious/data")));
}

TEST_F(Files, TempDirIsPrivateAndRemovedUnlessReleased) {
  std::string gone;
  {
    const TempDir made = TempDir::make(dir_.path(), "t-").value();
    gone = made.path();
    struct stat info {};
    ASSERT_EQ(::stat(gone.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700U);
    ASSERT_TRUE(make_dirs(gone + "/x/y", 0755));
  }
  EXPECT_FALSE(path_exists(gone));
  const std::string kept = TempDir::make(dir_.path(), "t-").value().release();
  EXPECT_TRUE(path_exists(kept));
}

TEST_F(Files, ValuesOfKernelSettingsAreReadWhole) {
  // Below /proc/sys a second read(2) gives nothing more.
  const Result<std::string> last = read_file("/proc/sys/kernel/cap_last_cap", 1_KiB);
  ASSERT_TRUE(last) << last.error().text();
  EXPECT_GE(last->size(), 3U);
}

TEST_F(Files, ControlFilesAreNeverCreated) {
  EXPECT_EQ(write_control_file(path("nothing"), "1").error().code(), ErrorCode::kNotFound);
  EXPECT_FALSE(path_exists(path("nothing")));
}

}  // namespace
}  // namespace slipway
