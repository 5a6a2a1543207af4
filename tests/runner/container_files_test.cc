// A container's files through the program itself: cp, diff, export, commit, volumes; and what a hostile one tries.
#include <csignal>
#include <thread>

#include "base/text.h"
#include "tests/runner/runner_fixture.h"

namespace slipway::runner {
namespace {

namespace fs = std::filesystem;
using testing::Program;
using testing::ProgramRun;
using testing::Stdio;

class ContainerFiles : public RunnerTest {
 protected:
  void SetUp() override {
    auto made = TempDir::make(directory_->path(), "files-");
    ASSERT_TRUE(made);
    here_ = std::make_unique<TempDir>(std::move(*made));
  }
  void TearDown() override {
    const std::string ids = runner({"ps", "-aq"}).out;
    for (const std::string_view id : split(ids, '\n')) {
      if (!id.empty()) runner({"rm", "-f", "-v", std::string(id)});
    }
    runner({"volume", "prune", "-a", "-f"});
  }
  static void run_to_end(const std::string& name, const std::string& script,
                         std::vector<std::string> options = {}) {
    options.insert(options.begin(), {"run", "--name", name, "--network", "none"});
    options.insert(options.end(), {"busybox", "sh", "-c", script});
    const ProgramRun run = runner(options);
    ASSERT_EQ(run.exit_code, 0) << run.out << run.err;
  }
  std::string path(const std::string& name) const { return here_->path() + "/" + name; }
  std::string text_of(const std::string& name) const {
    return read_file(path(name), 1_MiB).value_or("(none)");
  }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories(fs::path(path(name)).parent_path());
    std::ofstream(path(name)) << text;
  }
  static ProgramRun cp(const std::string& from, const std::string& to,
                       std::vector<std::string> options = {}) {
    options.insert(options.begin(), "cp");
    options.insert(options.end(), {from, to});
    return runner(options);
  }
  std::unique_ptr<TempDir> here_;
};

TEST_F(ContainerFiles, AreCopiedOutByDockersRules) {
  run_to_end("box", "mkdir -p /d/sub; echo a > /d/a; echo b > /d/sub/b; ln -s /etc/passwd /d/link");
  EXPECT_EQ(cp("box:/d/a", path("new")).exit_code, 0);
  EXPECT_EQ(text_of("new"), "a\n") << "what does not exist becomes the file";
  EXPECT_EQ(cp("box:d/a", here_->path()).exit_code, 0) << "a relative path starts at the root";
  EXPECT_EQ(text_of("a"), "a\n") << "into a directory that exists";
  EXPECT_EQ(cp("box:/d", path("copy")).exit_code, 0);
  EXPECT_EQ(text_of("copy/sub/b"), "b\n") << "what does not exist becomes the directory";
  EXPECT_EQ(cp("box:/d", path("copy")).exit_code, 0);
  EXPECT_EQ(text_of("copy/d/sub/b"), "b\n") << "now it exists";
  fs::create_directory(path("content"));
  EXPECT_EQ(cp("box:/d/.", path("content")).exit_code, 0);
  EXPECT_EQ(text_of("content/a"), "a\n") << "only the content";
  EXPECT_EQ(fs::read_symlink(path("content/link")), "/etc/passwd") << "a link stays one";
  EXPECT_EQ(cp("box:/d/link", path("passwd"), {"-L"}).exit_code, 0);
  EXPECT_TRUE(text_of("passwd").starts_with("root:x:0:0:root:/root:/bin/sh\napp:"))
      << "followed inside the container, not here";
}

TEST_F(ContainerFiles, AreCopiedInByDockersRules) {
  run_to_end("box", "mkdir /d; ln -s /d /to-d");
  write("src/a", "a");
  write("src/sub/b", "b");
  EXPECT_EQ(cp(path("src"), "box:/new").exit_code, 0);
  EXPECT_EQ(cp(path("src"), "box:/d").exit_code, 0);
  EXPECT_EQ(cp(path("src/a"), "box:/to-d/renamed").exit_code, 0);
  EXPECT_EQ(cp(path("src") + "/.", "box:/to-d").exit_code, 0);
  for (const char* file : {"/new/sub/b", "/d/src/sub/b", "/d/renamed", "/d/a"})
    EXPECT_EQ(cp("box:" + std::string(file), path("back") + std::to_string(*file)).exit_code, 0)
        << file;
  EXPECT_EQ(cp("box:/d/a", "-").out.substr(0, 1), "a") << "a tar stream with its own name";
}

TEST_F(ContainerFiles, SayWhatIsWrong) {
  run_to_end("box", "mkdir /d; echo x > /file");
  write("file", "x");
  fs::create_directory(path("dir"));
  EXPECT_NE(cp("box:/nope", path("x")).err.find("no such file or directory"), std::string::npos);
  EXPECT_NE(cp("box:/d", path("file")).err.find("a directory cannot replace a file"),
            std::string::npos);
  EXPECT_NE(cp(path("file"), "box:/missing/").err.find("no such directory"), std::string::npos);
  EXPECT_NE(cp(path("file"), "box:/missing/x").err.find("no such file or directory"),
            std::string::npos);
  EXPECT_NE(cp(path("dir"), "box:/file").err.find("a directory cannot replace a file"),
            std::string::npos);
  EXPECT_NE(cp("box:/file/", path("y")).err.find("not a directory"), std::string::npos);
  EXPECT_NE(cp("box:/a", "other:/b").err.find("copy between containers"), std::string::npos);
  EXPECT_EQ(cp(path("file"), path("z")).exit_code, 2);
  EXPECT_EQ(cp("nobody:/a", path("z")).err, "runner: error: no such container: nobody\n");
}

TEST_F(ContainerFiles, GoThroughTarStreams) {
  run_to_end("box", "mkdir /d; echo a > /d/a");
  const ProgramRun out = cp("box:/d", "-");
  ASSERT_EQ(out.exit_code, 0) << out.err;
  EXPECT_EQ(runner({"cp", "-", "box:/tmp"}, out.out).exit_code, 0);
  EXPECT_EQ(cp("box:/tmp/d/a", path("a")).exit_code, 0);
  EXPECT_EQ(text_of("a"), "a\n");
}

TEST_F(ContainerFiles, KeepOwnersOnlyWhenAsked) {
  run_to_end("box", "echo a > /a; chown 1000:55 /a; chmod 4755 /a");
  EXPECT_EQ(cp("box:/a", path("mine")).exit_code, 0);
  struct stat mine {};
  ASSERT_EQ(::stat(path("mine").c_str(), &mine), 0);
  EXPECT_EQ(mine.st_uid, ::geteuid());
  EXPECT_EQ(mine.st_mode & 07777U, 0755U) << "no set-id program of a container lands here";
  if (::geteuid() != 0) return;
  EXPECT_EQ(cp("box:/a", path("theirs"), {"-a"}).exit_code, 0);
  struct stat theirs {};
  ASSERT_EQ(::stat(path("theirs").c_str(), &theirs), 0);
  EXPECT_EQ(theirs.st_uid, 1000U);
  EXPECT_EQ(theirs.st_gid, 55U);
}

// R18, CVE-2018-15664: the container swaps a directory for a link to the host's root while files are copied. Whatever
// cp finds, it finds in the container.
TEST_F(ContainerFiles, NeverLeaveTheContainerWhileItSwapsItsDirectories) {
  write("secret", "of the host");
  const std::string host_dir = here_->path();
  const ProgramRun made =
      runner({"run", "-d", "--name", "evil", "--network", "none", "busybox", "sh", "-c",
              "mkdir -p /real /box" + host_dir + "; echo inside > /real/secret; ln -s " + host_dir +
                  " /link; echo go; i=0; while test $i -lt 10000; do i=$((i+1)); rm -rf /spot; "
                  "ln -s " +
                  host_dir + " /spot; rm -f /spot; mkdir /spot; echo in > /spot/secret; done"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  write("payload", "from the host");
  for (int i = 0; i < 20; ++i) {
    cp("evil:/spot/secret", path("got"));
    EXPECT_NE(text_of("got"), "of the host");
    cp(path("payload"), "evil:/spot/secret");
    EXPECT_EQ(text_of("secret"), "of the host") << "round " << i;
    cp(path("payload"), "evil:/link/planted");
  }
  EXPECT_FALSE(fs::exists(path("planted")));
}

TEST_F(ContainerFiles, ShowWhatChanged) {
  run_to_end("box",
             "echo new > /new; rm /etc/plain; echo more >> /etc/passwd; mkdir /d; touch /d/f");
  const std::string changes = runner({"diff", "box"}).out;
  for (const char* line : {"A /new\n", "D /etc/plain\n", "C /etc/passwd\n", "A /d/f\n", "C /etc\n"})
    EXPECT_NE(changes.find(line), std::string::npos) << line << changes;
}

TEST_F(ContainerFiles, AreExportedAndCommitted) {
  run_to_end("box", "echo kept > /kept", {"-e", "A=1", "-l", "k=v"});
  const ProgramRun exported = runner({"export", "-o", path("all.tar"), "box"});
  ASSERT_EQ(exported.exit_code, 0) << exported.err;
  const ProgramRun names = testing::run_program({"tar", "-tf", path("all.tar")});
  EXPECT_NE(names.out.find("kept\n"), std::string::npos);
  EXPECT_NE(names.out.find("bin/busybox\n"), std::string::npos);
  const ProgramRun made =
      runner({"commit", "-m", "note", "-c", "CMD [\"cat\", \"/kept\"]", "box", "kept:1"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_TRUE(made.out.starts_with("sha256:")) << made.out;
  EXPECT_EQ(runner({"run", "--rm", "--network", "none", "kept:1"}).out, "kept\n");
  EXPECT_EQ(
      runner({"image", "inspect", "-f", "{{json .Config.Env}} {{json .Config.Labels}}", "kept:1"})
          .out,
      "[\"A=1\"] {\"k\":\"v\"}\n");
  EXPECT_EQ(runner({"rmi", "kept:1"}).exit_code, 0);
}

TEST_F(ContainerFiles, OutliveTheContainerInVolumes) {
  EXPECT_EQ(runner({"volume", "create", "--label", "a=1", "db"}).out, "db\n");
  EXPECT_EQ(shell("echo kept > /data/file", {"-v", "db:/data"}).exit_code, 0);
  EXPECT_EQ(shell("cat /data/file", {"-v", "db:/data:ro"}).out, "kept\n");
  EXPECT_EQ(shell("touch /data/x", {"--mount", "type=volume,src=db,dst=/data,ro"}).exit_code, 1);
  run_to_end("user", "true", {"-v", "db:/data"});
  const ProgramRun refused = runner({"volume", "rm", "db"});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_NE(refused.err.find("in use by"), std::string::npos) << refused.err;
  EXPECT_EQ(runner({"volume", "ls", "--format", "{{.Name}} {{.Labels}} {{.Links}}"}).out,
            "db a=1 1\n");
  EXPECT_EQ(runner({"volume", "ls", "-q", "--filter", "dangling=true"}).out, "");
  EXPECT_EQ(runner({"rm", "user"}).exit_code, 0);
  EXPECT_EQ(runner({"volume", "ls", "-q", "--filter", "dangling=true"}).out, "db\n");
  EXPECT_EQ(runner({"volume", "rm", "db"}).out, "db\n");
}

TEST_F(ContainerFiles, ComeFromTheImageIntoANewVolume) {
  EXPECT_EQ(shell("cat /etc/plain", {"-v", "conf:/etc"}).out, "not a program\n");
  EXPECT_EQ(shell("echo changed > /etc/plain", {"-v", "conf:/etc"}).exit_code, 0);
  EXPECT_EQ(shell("cat /etc/plain", {"-v", "conf:/etc"}).out, "changed\n") << "only the first time";
  EXPECT_EQ(shell("ls /etc | wc -l", {"-v", "bare:/etc:nocopy"}).out.substr(0, 1), "0")
      << "unless it is not wanted";
}

TEST_F(ContainerFiles, OfAnonymousVolumesGoWithRm) {
  EXPECT_EQ(shell("echo x > /data/x", {"-v", "/data"}).exit_code, 0);
  EXPECT_EQ(runner({"volume", "ls", "-q"}).out, "");
  run_to_end("user", "true", {"-v", "/data"});
  EXPECT_EQ(runner({"volume", "ls", "-q"}).out.size(), 65U);
  EXPECT_EQ(runner({"rm", "-v", "user"}).exit_code, 0);
  EXPECT_EQ(runner({"volume", "ls", "-q"}).out, "");
}

TEST_F(ContainerFiles, AreSharedByVolumesFrom) {
  run_to_end("first", "echo shared > /data/file", {"-v", "/data"});
  EXPECT_EQ(shell("cat /data/file", {"--volumes-from", "first"}).out, "shared\n");
  EXPECT_EQ(shell("touch /data/x", {"--volumes-from", "first:ro"}).exit_code, 1);
}

TEST_F(ContainerFiles, OfAMissingDirectoryAreMadeOrRefused) {
  EXPECT_EQ(shell("echo x > /data/x", {"-v", path("made") + ":/data"}).exit_code, 0);
  EXPECT_EQ(text_of("made/x"), "x\n") << "-v makes it, as docker";
  const ProgramRun refused =
      shell("true", {"--mount", "type=bind,source=" + path("nope") + ",target=/data"});
  EXPECT_EQ(refused.exit_code, 125);
  EXPECT_NE(refused.err.find("nope"), std::string::npos) << refused.err;
  EXPECT_FALSE(fs::exists(path("nope")));
}

// R8, CVE-2022-23648: a volume path of the image that leads out of it by dots or links.
TEST_F(ContainerFiles, OfTheHostNeverGetIntoTheImagesVolumes) {
  write("root/bin/x", "");
  fs::copy_file("/bin/busybox", path("root/bin/sh"));
  fs::create_directories(path("root/etc"));
  fs::create_symlink(here_->path(), path("root/out"));
  write("host-only", "secret");
  ASSERT_EQ(
      testing::run_program({"tar", "-C", path("root"), "-cf", path("evil.tar"), "."}).exit_code, 0);
  const ProgramRun imported =
      runner({"image", "import", "-c", "VOLUME [\"/../../../../" + here_->path() + "\", \"/out\"]",
              path("evil.tar"), "evil"});
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  const ProgramRun run = runner({"run", "--rm", "--network", "none", "evil", "sh", "-c",
                                 "ls -R /out " + here_->path() + "; echo end"});
  EXPECT_EQ(run.out.find("host-only"), std::string::npos) << run.out;
  EXPECT_EQ(text_of("host-only"), "secret");
  EXPECT_EQ(runner({"rmi", "-f", "evil"}).exit_code, 0);
}

}  // namespace
}  // namespace slipway::runner
