// What a container's root looks like: image, mounts of the spec, the machine's own tools.
#include "tests/sandbox/container_fixture.h"

namespace slipway::sandbox {
namespace {

class ContainerRoot : public ContainerTest {
 protected:
  /// A directory below the store with one file, owned by container root on disk.
  std::string directory_with_file() {
    const std::string path = store_ + "/dir" + std::to_string(next_++);
    EXPECT_TRUE(make_dirs(path, 0755));
    EXPECT_TRUE(write_file_atomic(path + "/file", "from outside", 0644));
    return path;
  }
};

TEST_F(ContainerRoot, WritesGoToTheUpperWithIdsAsInTheContainer) {
  ContainerSpec wanted = spec({"probe", "put", "/new", "text"});
  wanted.process.user = "1000:1001";
  wanted.mounts.push_back(TmpfsMount{"/unused"});
  std::filesystem::permissions(wanted.root.stack.upper, std::filesystem::perms(0777));
  const std::string upper = wanted.root.stack.upper;
  output(wanted);
  struct stat found;
  ASSERT_EQ(::stat((upper + "/new").c_str(), &found), 0);
  EXPECT_EQ(found.st_uid, 1000U);
  EXPECT_EQ(found.st_gid, 1001U);
  ASSERT_EQ(::stat((upper + "/unused").c_str(), &found), 0);
  EXPECT_EQ(found.st_uid, 0U);
  EXPECT_FALSE(path_exists(base_ + "/new"));
}

TEST_F(ContainerRoot, LaterLowersCoverEarlierOnes) {
  const std::string top = store_ + "/snapshots/top/fs";
  ASSERT_TRUE(make_dirs(top, 0755));
  ASSERT_TRUE(write_file_atomic(base_ + "/which", "bottom", 0644));
  ASSERT_TRUE(write_file_atomic(top + "/which", "top", 0644));
  ContainerSpec wanted = spec({"probe", "cat", "/which"});
  wanted.root.stack.lowers.push_back(top);
  EXPECT_EQ(output(wanted), "top");
}

TEST_F(ContainerRoot, CanBeReadOnly) {
  ContainerSpec wanted = spec({"probe", "put", "/new", "text"});
  wanted.root.read_only = true;
  EXPECT_EQ(run(wanted).out, "/new: Read-only file system\n");
}

TEST_F(ContainerRoot, AStackWithoutUpperIsReadOnly) {
  for (const char* name : {"proc", "sys", "dev"}) ASSERT_TRUE(make_dirs(base_ + "/" + name, 0755));
  ContainerSpec wanted = spec({"probe", "put", "/new", "text"});
  wanted.root.stack = {{base_}, "", ""};
  EXPECT_EQ(run(wanted).out, "/new: Read-only file system\n");
}

TEST_F(ContainerRoot, SameUpperCanBeUsedByOneContainerAfterAnother) {
  ContainerSpec first = spec({"probe", "put", "/state", "kept"});
  ContainerSpec second = spec({"probe", "cat", "/state"});
  second.root = first.root;
  output(first);
  EXPECT_EQ(output(second), "kept");
}

TEST_F(ContainerRoot, LayersOutsideTheStoreAreRefused) {
  ContainerSpec wanted = spec({"true"});
  wanted.root.stack.lowers = {"/usr"};
  const auto container = engine_->start(wanted);
  ASSERT_FALSE(container);
  EXPECT_EQ(container.error().code(), ErrorCode::kInvalid) << container.error().text();
}

TEST_F(ContainerRoot, AMissingLayerIsNamed) {
  ContainerSpec wanted = spec({"true"});
  wanted.root.stack.lowers = {store_ + "/snapshots/gone/fs"};
  const auto container = engine_->start(wanted);
  ASSERT_FALSE(container);
  EXPECT_EQ(container.error().code(), ErrorCode::kNotFound);
  EXPECT_NE(container.error().text().find("snapshots/gone/fs"), std::string::npos);
}

TEST_F(ContainerRoot, BindsAreReadWriteOrReadOnly) {
  const std::string outside = directory_with_file();
  ContainerSpec wanted = spec({"probe", "put", "/ro/file", "x"});
  wanted.mounts = {BindMount{outside, "/ro", Access::kReadOnly, true}};
  EXPECT_EQ(run(wanted).out, "/ro/file: Read-only file system\n");
  wanted = spec({"probe", "put", "/deep/below/rw/file", "from inside"});
  wanted.mounts = {BindMount{outside, "/deep/below/rw", Access::kReadWrite, true}};
  output(wanted);
  EXPECT_EQ(*read_file(outside + "/file", 1_KiB), "from inside");
}

TEST_F(ContainerRoot, UnshiftedBindsOfRootsFilesAreNobodysAndCannotBeWritten) {
  if (::access("/root", W_OK) != 0) return;  // An ordinary user's own files are container root's.
  ContainerSpec wanted = spec({"probe", "put", "/rw/file", "x"});
  wanted.mounts = {BindMount{directory_with_file(), "/rw", Access::kReadWrite, false}};
  EXPECT_EQ(run(wanted).out, "/rw/file: Permission denied\n");
}

TEST_F(ContainerRoot, AFileCanBeBound) {
  ContainerSpec wanted = spec({"probe", "cat", "/etc/one"});
  wanted.mounts = {BindMount{directory_with_file() + "/file", "/etc/one", Access::kReadOnly, true}};
  EXPECT_EQ(output(wanted), "from outside");
}

TEST_F(ContainerRoot, OverlayMountKeepsChangesInItsUpper) {
  ContainerSpec wanted = spec({"probe", "put", "/workspace/result", "done"});
  const OverlayStack workspace = fresh_stack();
  wanted.mounts = {OverlayMount{workspace, "/workspace"}};
  wanted.process.cwd = "/workspace";
  output(wanted);
  EXPECT_EQ(*read_file(workspace.upper + "/result", 1_KiB), "done");
}

TEST_F(ContainerRoot, TmpfsHasItsSizeAndMode) {
  ContainerSpec wanted = spec({"probe", "stat", "/scratch"});
  wanted.mounts = {TmpfsMount{"/scratch", 1_MiB, 0750}};
  EXPECT_EQ(output(wanted).substr(0, 6), "40750 ");
}

TEST_F(ContainerRoot, FileMountShowsItsContentAndNothingElse) {
  ContainerSpec wanted = spec({"probe", "cat", "/run/secrets/token"});
  wanted.mounts = {FileMount{"/run/secrets/token", "s3cret", 0400}};
  const std::string upper = wanted.root.stack.upper;
  EXPECT_EQ(output(wanted), "s3cret");
  EXPECT_EQ(*read_file(upper + "/run/secrets/token", 1_KiB), "");  // The mount point only.
}

TEST_F(ContainerRoot, FileMountBelongsToWhomItSays) {
  ContainerSpec wanted = spec({"probe", "stat", "/run/secrets/token"});
  wanted.mounts = {FileMount{"/run/secrets/token", "s3cret", 0400, 7, 8}};
  EXPECT_EQ(output(wanted).substr(0, 11), "100400 7:8 ");
}

TEST_F(ContainerRoot, EngineWritesHostsAndHostname) {
  ContainerSpec wanted = spec({"probe", "cat", "/etc/hosts"});
  wanted.hostname = "builder";
  wanted.extra_hosts = {{"db", "10.0.0.7"}};
  EXPECT_NE(output(wanted).find("10.0.0.7\tdb\n"), std::string::npos);
  wanted = spec({"probe", "hostname"});
  wanted.hostname = "builder";
  EXPECT_EQ(output(wanted), "builder\n");
}

TEST_F(ContainerRoot, WorkingDirectoryIsMadeForTheUser) {
  ContainerSpec wanted = spec({"probe", "cwd"});
  wanted.process.cwd = "/made/for/me";
  wanted.process.user = "7:8";
  const std::string upper = wanted.root.stack.upper;
  EXPECT_EQ(output(wanted), "/made/for/me\n");
  struct stat found;
  ASSERT_EQ(::stat((upper + "/made/for/me").c_str(), &found), 0);
  EXPECT_EQ(found.st_uid, 7U);
  EXPECT_EQ(found.st_gid, 8U);
}

TEST_F(ContainerRoot, WorkingDirectoryThatIsAFileFailsTheJobWithItsPath) {
  ContainerSpec wanted = spec({"true"});
  wanted.process.cwd = "/bin/true";
  const Outcome outcome = run(wanted).outcome;
  EXPECT_EQ(outcome.kind, Outcome::Kind::kSetupFailed);
  EXPECT_NE(outcome.reason.find("make working directory /bin/true: not a directory (step "),
            std::string::npos)
      << outcome.reason;
}

TEST_F(ContainerRoot, HostToolsRunTheMachinesShell) {
  ContainerSpec wanted =
      spec({"sh", "-c", "id -u; echo hello > /tmp/x; cat /tmp/x; ls /home /run | wc -l"});
  wanted.root.host_tools = true;
  wanted.process.env = {"PATH=/usr/bin:/bin", "HOME=/root"};
  EXPECT_EQ(output(wanted).substr(0, 8), "0\nhello\n");
}

TEST_F(ContainerRoot, HostToolsShowOnlyWhatEverybodyMayRead) {
  ContainerSpec wanted = spec({"cat", "/etc/shadow"});
  wanted.root.host_tools = true;
  wanted.process.env = {"PATH=/usr/bin:/bin"};
  const Ran ran = run(wanted);
  EXPECT_FALSE(ran.outcome.success());
  EXPECT_NE(ran.err.find("Permission denied"), std::string::npos) << ran.err;
  wanted = spec({"ls", "/", store_});
  wanted.root.host_tools = true;
  wanted.process.env = {"PATH=/usr/bin:/bin"};
  EXPECT_NE(run(wanted).err.find("No such file"), std::string::npos);
}

TEST_F(ContainerRoot, HostToolsAreReadOnly) {
  ContainerSpec wanted = spec({"touch", "/usr/bin/x", "/etc/x"});
  wanted.root.host_tools = true;
  wanted.process.env = {"PATH=/usr/bin:/bin"};
  EXPECT_FALSE(run(wanted).outcome.success());
}

}  // namespace
}  // namespace slipway::sandbox
