// login, pull, push, run and exec against Debian's docker-registry and a registry with faults, through the program.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>

#include "base/digest.h"
#include "base/json.h"
#include "base/text.h"
#include "tests/runner/runner_fixture.h"
#include "tests/support/docker_registry.h"

namespace slipway::runner {
namespace {

using testing::DockerRegistry;
using testing::ProgramRun;

constexpr const char* kPassword = "s3cr3t-Okapi";

/// A store with `busybox`, a registry without accounts and one with.
class RegistryCommand : public RunnerTest {
 protected:
  static void SetUpTestSuite() {
    RunnerTest::SetUpTestSuite();
    open_ = std::make_unique<DockerRegistry>();
    closed_ = std::make_unique<DockerRegistry>(
        testing::DockerRegistryOptions{.username = "ann", .password = kPassword});
    ASSERT_EQ(slip({"tag", "busybox", open_->host() + "/team/box:1"}).exit_code, 0);
    const ProgramRun pushed = slip({"push", open_->host() + "/team/box:1"});
    ASSERT_EQ(pushed.exit_code, 0) << pushed.err;
  }
  static void TearDownTestSuite() {
    open_.reset();
    closed_.reset();
    RunnerTest::TearDownTestSuite();
  }

  static std::map<std::string, std::string> environment(const std::string& state = "state") {
    auto variables = RunnerTest::environment();
    variables["RUNNER_STATE"] = directory_->path() + "/" + state;
    variables["DOCKER_CONFIG"] = directory_->path() + "/docker";
    variables["HOME"] = directory_->path();
    variables["REGISTRY_AUTH_FILE"] = directory_->path() + "/none.json";
    variables["XDG_RUNTIME_DIR"] = directory_->path() + "/none";
    return variables;
  }
  static ProgramRun slip(std::vector<std::string> arguments, const std::string& input = "",
                         const std::string& state = "state") {
    return testing::run_program(command_line(std::move(arguments)), environment(state), input,
                                directory_->path());
  }
  static std::string config_file() {
    return read_file(directory_->path() + "/docker/config.json", 1_MiB).value_or("");
  }
  static ProgramRun log_in(const std::string& password) {
    return slip({"login", "-u", "ann", "--password-stdin", closed_->host()}, password + "\n");
  }

  static inline std::unique_ptr<DockerRegistry> open_;
  static inline std::unique_ptr<DockerRegistry> closed_;
};

TEST_F(RegistryCommand, LogsInAndOut) {
  const ProgramRun wrong = log_in("wrong");
  EXPECT_EQ(wrong.exit_code, 4) << wrong.err;
  EXPECT_EQ(wrong.out, "");
  EXPECT_EQ(config_file(), "");
  const ProgramRun right = log_in(kPassword);
  EXPECT_EQ(right.exit_code, 0) << right.err;
  EXPECT_EQ(right.out, "Login Succeeded\n");
  EXPECT_EQ(right.err.find(kPassword), std::string::npos);
  EXPECT_NE(config_file().find(base64_encode(std::string("ann:") + kPassword)), std::string::npos);
  struct stat info {};
  ASSERT_EQ(::stat((directory_->path() + "/docker/config.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  // The account that is kept is tried first: nothing is asked.
  EXPECT_EQ(slip({"login", closed_->host()}).out, "Login Succeeded\n");
  EXPECT_EQ(slip({"logout", closed_->host()}).out,
            "Removing login credentials for " + closed_->host() + "\n");
  EXPECT_EQ(slip({"logout", closed_->host()}).out, "Not logged in to " + closed_->host() + "\n");
}

TEST_F(RegistryCommand, AsksForThePasswordWithoutEcho) {
  auto variables = environment();
  testing::Program program(command_line({"login", closed_->host()}), variables,
                           testing::Stdio::kTerminal, directory_->path());
  ASSERT_TRUE(program.wait_for("Username: "));
  program.type("ann\n");
  ASSERT_TRUE(program.wait_for("Password: "));
  program.type(std::string(kPassword) + "\n");
  ASSERT_TRUE(program.wait_for("Login Succeeded"));
  const ProgramRun run = program.finish();
  EXPECT_EQ(run.exit_code, 0);
  EXPECT_EQ(run.out.find(kPassword), std::string::npos) << run.out;
  slip({"logout", closed_->host()});
}

TEST_F(RegistryCommand, LeavesTheTerminalAsItWasOnCtrlC) {
  testing::Program program(
      {"sh", "-c",
       "trap : INT; " + shell_join(command_line({"login", "-u", "ann", closed_->host()})) +
           "; stty -a"},
      environment(), testing::Stdio::kTerminal, directory_->path());
  ASSERT_TRUE(program.wait_for("Password: "));
  program.type("half\x03");
  const ProgramRun run = program.finish();
  EXPECT_NE(run.out.find("cancelled"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find(" echo "), std::string::npos) << run.out;
}

TEST_F(RegistryCommand, ExplainsWrongUseOfLogin) {
  EXPECT_EQ(slip({"login", "--password-stdin", closed_->host()}).exit_code, 2);
  EXPECT_EQ(slip({"login", "-u", "a", "-p", "b", "--password-stdin", "x"}).exit_code, 2);
  const ProgramRun piped = slip({"login", "-u", "ann", closed_->host()});
  EXPECT_EQ(piped.exit_code, 2);
  EXPECT_NE(piped.err.find("--password-stdin"), std::string::npos) << piped.err;
  EXPECT_EQ(slip({"login", "-u", "a", "--password-stdin", "a b"}, "x").exit_code, 2);
}

TEST_F(RegistryCommand, PrintsDockersLines) {
  const std::string name = open_->host() + "/team/box:1";
  const ProgramRun pulled = slip({"pull", name}, "", "pull");
  ASSERT_EQ(pulled.exit_code, 0) << pulled.err;
  EXPECT_TRUE(pulled.out.starts_with("Digest: sha256:")) << pulled.out;
  EXPECT_TRUE(
      pulled.out.ends_with("\nStatus: Downloaded newer image for " + name + "\n" + name + "\n"))
      << pulled.out;
  EXPECT_NE(pulled.err.find("1: Pulling from team/box\n"), std::string::npos) << pulled.err;
  EXPECT_NE(pulled.err.find(": Pull complete\n"), std::string::npos) << pulled.err;
  const ProgramRun again = slip({"pull", name}, "", "pull");
  EXPECT_NE(again.out.find("Status: Image is up to date for " + name + "\n"), std::string::npos)
      << again.out;
  EXPECT_EQ(slip({"pull", "-q", name}, "", "pull").out, name + "\n");
  const ProgramRun pushed = slip({"push", name});
  EXPECT_TRUE(pushed.out.starts_with("1: digest: sha256:")) << pushed.out;
  EXPECT_NE(pushed.err.find("The push refers to repository [" + open_->host() + "/team/box]\n"),
            std::string::npos);
  EXPECT_NE(pushed.err.find(": Layer already exists\n"), std::string::npos) << pushed.err;
}

TEST_F(RegistryCommand, PrintsJsonForPrograms) {
  const ProgramRun run =
      slip({"pull", "--progress", "json", open_->host() + "/team/box:1"}, "", "json");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  std::vector<std::string> kinds;
  for (const std::string_view line : split(trim(run.out), '\n')) {
    const auto object = parse_json(line);
    ASSERT_TRUE(object) << line;
    kinds.emplace_back((*object)["kind"].string_or(""));
  }
  EXPECT_EQ(kinds.front(), "pull_start");
  EXPECT_EQ(kinds.back(), "pulled");
}

TEST_F(RegistryCommand, SaysWhatIsWrong) {
  const ProgramRun tag = slip({"pull", open_->host() + "/team/box:nope"}, "", "wrong");
  EXPECT_EQ(tag.exit_code, 5) << tag.err;
  EXPECT_NE(tag.err.find("team/box:nope"), std::string::npos) << tag.err;
  const ProgramRun down = slip({"pull", "127.0.0.1:1/x"}, "", "wrong");
  EXPECT_EQ(down.exit_code, 3) << down.err;
  const ProgramRun account = slip({"pull", closed_->host() + "/team/box:1"}, "", "wrong");
  EXPECT_EQ(account.exit_code, 4) << account.err;
  EXPECT_EQ(slip({"pull", "-a", open_->host() + "/team/box:1"}, "", "wrong").exit_code, 2);
  EXPECT_EQ(slip({"pull", "scratch"}, "", "wrong").exit_code, 2);
  EXPECT_EQ(slip({"push", "not-here"}, "", "wrong").exit_code, 5);
  EXPECT_EQ(slip({"registry", "rm", open_->host() + "/team/box"}, "", "wrong").exit_code, 2);
}

TEST_F(RegistryCommand, ListsInspectsAndDeletes) {
  const std::string name = open_->host() + "/team/gone:2";
  ASSERT_EQ(slip({"push", "-q", "busybox", name}).out, name + "\n");
  EXPECT_EQ(slip({"registry", "tags", open_->host() + "/team/gone"}).out, "2\n");
  const ProgramRun raw = slip({"registry", "inspect", "--raw", name});
  EXPECT_EQ(slip({"registry", "inspect", "--format", "{{.Digest}}", name}).out,
            Digest::of(raw.out).str() + "\n");
  EXPECT_EQ(slip({"registry", "referrers", "--json", name}).out, "[]\n");
  const ProgramRun removed = slip({"registry", "rm", name});
  EXPECT_EQ(removed.exit_code, 0) << removed.err;
  EXPECT_EQ(slip({"registry", "inspect", name}).exit_code, 5);
}

TEST_F(RegistryCommand, MovesEveryTagOfARepository) {
  const std::string repository = open_->host() + "/team/many";
  for (const char* tag : {"a", "b", "c"})
    ASSERT_EQ(slip({"tag", "busybox", repository + ":" + tag}, "", "state").exit_code, 0);
  const ProgramRun pushed = slip({"push", "-q", "-a", repository});
  EXPECT_EQ(pushed.exit_code, 0) << pushed.err;
  EXPECT_EQ(slip({"registry", "tags", repository}).out, "a\nb\nc\n");
  const ProgramRun pulled = slip({"pull", "-q", "-a", repository}, "", "many");
  EXPECT_EQ(pulled.exit_code, 0) << pulled.err;
  EXPECT_EQ(split(trim(pulled.out), '\n').size(), 3u) << pulled.out;
}

TEST_F(RegistryCommand, RunsAnImageThatIsNotHere) {
  const std::string name = open_->host() + "/team/box:1";
  const ProgramRun never = slip({"run", "--pull", "never", name, "echo", "hi"}, "", "run");
  EXPECT_EQ(never.exit_code, 125);
  EXPECT_NE(never.err.find("runner pull"), std::string::npos) << never.err;
  const ProgramRun first = slip({"run", name, "echo", "hi"}, "", "run");
  EXPECT_EQ(first.out, "hi\n") << first.err;
  EXPECT_NE(first.err.find("Unable to find image '" + name + "' locally"), std::string::npos)
      << first.err;
  EXPECT_EQ(slip({"run", name, "echo", "hi"}, "", "run").err, "");
}

TEST_F(RegistryCommand, PullsForPipelines) {
  const std::string folder = directory_->path() + "/pipeline";
  ASSERT_TRUE(make_dirs(folder, 0755));
  const std::string image = open_->host() + "/team/box:1";
  std::ofstream(folder + "/.slipway.yml") << "jobs:\n"
                                             "  a: {image: " +
                                                 image +
                                                 ", steps: [echo from a]}\n"
                                                 "  b: {image: {name: " +
                                                 image + ", pull: always}, steps: [echo from b]}\n";
  const ProgramRun run = slip({"exec", folder, "-j", "2"}, "", "exec");
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_NE(run.err.find("pulling image " + image), std::string::npos) << run.err;
  std::ofstream(folder + "/.slipway.yml")
      << "jobs: {a: {image: {name: '" + open_->host() +
             "/team/box:3', pull: missing}, steps: ['true']}}\n";
  const ProgramRun missing = slip({"exec", folder}, "", "exec");
  EXPECT_EQ(missing.exit_code, 3) << missing.err;
  EXPECT_NE(missing.err.find("team/box:3"), std::string::npos) << missing.err;
}

TEST_F(RegistryCommand, PushesFilesOfAJob) {
  const std::string folder = directory_->path() + "/artifact-step";
  ASSERT_TRUE(make_dirs(folder, 0755));
  const std::string name = open_->host() + "/team/step";
  std::ofstream(folder + "/.slipway.yml")
      << "jobs:\n"
         "  a:\n"
         "    image: " +
             open_->host() +
             "/team/box:1\n"
             "    matrix: {tag: [x]}\n"
             "    steps:\n"
             "      - mkdir -p dist/deep; echo made > dist/deep/file; echo 1 > one.xml; echo 2 > "
             "two.txt\n"
             "      - id: keep\n"
             "        artifact: {push: '" +
             name +
             ":${{ matrix.tag }}', paths: [dist, '*.xml']}\n"
             "      - echo kept ${{ steps.keep.digest }} at ${{ steps.keep.name }}\n";
  const ProgramRun run = slip({"exec", folder}, "", "artifact");
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_NE(run.err.find("kept sha256:"), std::string::npos) << run.err;
  EXPECT_NE(run.err.find("at " + name + ":x"), std::string::npos) << run.err;
  ASSERT_EQ(slip({"artifact", "pull", "-o", "step-out", name + ":x"}).exit_code, 0);
  const std::string out = directory_->path() + "/step-out";
  EXPECT_EQ(read_file(out + "/dist/deep/file", 1_MiB).value_or("?"), "made\n");
  EXPECT_EQ(read_file(out + "/one.xml", 1_MiB).value_or("?"), "1\n");
  EXPECT_FALSE(path_exists(out + "/two.txt"));
  std::ofstream(folder + "/.slipway.yml")
      << "steps: [{artifact: {push: '" + name + ":y', paths: ['*.none']}}]\n";
  const ProgramRun nothing = slip({"exec", folder}, "", "artifact");
  EXPECT_EQ(nothing.exit_code, 3);
  EXPECT_NE(nothing.err.find("nothing matches its paths"), std::string::npos) << nothing.err;
}

TEST_F(RegistryCommand, KeepsFilesInARegistry) {
  const std::string name = open_->host() + "/team/files:1";
  ASSERT_TRUE(make_dirs(directory_->path() + "/in/deep", 0755));
  std::ofstream(directory_->path() + "/in/deep/b") << "bytes";
  std::ofstream(directory_->path() + "/note") << "note";
  const ProgramRun pushed = slip({"artifact", "push", "--annotation", "k=v", name, "note", "in/"});
  ASSERT_EQ(pushed.exit_code, 0) << pushed.err;
  const ProgramRun pulled = slip({"artifact", "pull", "-o", "out", name});
  ASSERT_EQ(pulled.exit_code, 0) << pulled.err;
  EXPECT_EQ(read_file(directory_->path() + "/out/in/deep/b", 1_MiB).value_or("?"), "bytes");
  EXPECT_EQ(read_file(directory_->path() + "/out/note", 1_MiB).value_or("?"), "note");
  EXPECT_EQ(slip({"artifact", "push", name, "../x"}).exit_code, 2);
  EXPECT_EQ(slip({"artifact", "push", name, "/etc/passwd"}).exit_code, 2);
}

}  // namespace
}  // namespace slipway::runner
