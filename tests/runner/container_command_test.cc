// Containers through the program itself: life, lists, logs, attaching. Files and volumes have tests of their own.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>

#include "base/json.h"
#include "base/sys.h"
#include "base/text.h"
#include "tests/runner/runner_fixture.h"

namespace slipway::runner {
namespace {

using testing::Program;
using testing::ProgramRun;
using testing::Stdio;

class ContainerCommand : public RunnerTest {
 protected:
  void TearDown() override {
    const std::string ids = runner({"ps", "-aq"}).out;
    for (const std::string_view id : split(ids, '\n')) {
      if (!id.empty()) runner({"rm", "-f", "-v", std::string(id)});
    }
  }
  /// Detached, running SCRIPT; its id.
  static std::string start(const std::string& name, const std::string& script,
                           std::vector<std::string> options = {}) {
    options.insert(options.begin(), {"run", "-d", "--name", name, "--network", "none"});
    options.insert(options.end(), {"busybox", "sh", "-c", script});
    const ProgramRun run = runner(options);
    EXPECT_EQ(run.exit_code, 0) << run.err;
    return std::string(trim(run.out));
  }
  static std::string field(const std::string& name, const std::string& format) {
    return std::string(trim(runner({"inspect", "-f", format, name}).out));
  }
  static constexpr const char* kForever = "trap 'exit 9' TERM; while :; do sleep 0.02; done";
};

TEST_F(ContainerCommand, IsListedFromItsCreationToItsRemoval) {
  const ProgramRun made = runner({"create", "--name", "web", "-l", "tier=front", "--network",
                                  "none", "busybox", "sh", "-c", kForever});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const std::string id(trim(made.out));
  EXPECT_EQ(id.size(), 64U);
  EXPECT_EQ(runner({"ps", "-q"}).out, "");
  EXPECT_EQ(runner({"ps", "-a", "--format", "{{.ID}} {{.Names}} {{.Status}} {{.Labels}}"}).out,
            id.substr(0, 12) + " web Created tier=front\n");
  EXPECT_EQ(runner({"start", "web"}).out, "web\n");
  EXPECT_EQ(runner({"start", "web"}).exit_code, 0) << "it runs already, as was asked for";
  const std::string table = runner({"ps"}).out;
  EXPECT_NE(table.find("CONTAINER ID   IMAGE     COMMAND"), std::string::npos) << table;
  EXPECT_NE(table.find("Up "), std::string::npos) << table;
  EXPECT_EQ(field("web", "{{.State.Running}} {{.Name}} {{.HostConfig.NetworkMode}}"),
            "true /web none");
  EXPECT_EQ(runner({"stop", "web"}).out, "web\n");
  EXPECT_EQ(runner({"wait", "web"}).out, "9\n");
  EXPECT_EQ(runner({"ps", "-q"}).out, "");
  EXPECT_NE(runner({"ps", "-a"}).out.find("Exited (9)"), std::string::npos);
  EXPECT_EQ(runner({"rm", "web"}).out, "web\n");
  EXPECT_EQ(runner({"ps", "-aq"}).out, "");
}

TEST_F(ContainerCommand, GoesOnWhenItsClientIsKilled) {
  Program client(command_line({"run", "--name", "left", "--network", "none", "busybox", "sh", "-c",
                               "echo ready; trap 'echo told; exit 7' USR1; while :; do sleep 0.02; "
                               "done"}),
                 environment(), Stdio::kPipes);
  ASSERT_TRUE(client.wait_for("ready"));
  client.signal(SIGKILL);
  EXPECT_EQ(client.finish().exit_code, 128 + SIGKILL);
  EXPECT_EQ(runner({"ps", "--format", "{{.Names}}"}).out, "left\n");
  EXPECT_EQ(runner({"kill", "-s", "USR1", "left"}).out, "left\n");
  EXPECT_EQ(runner({"wait", "left"}).out, "7\n");
  EXPECT_EQ(runner({"logs", "left"}).out, "ready\ntold\n");
}

TEST_F(ContainerCommand, IsFoundByNameIdAndTheIdsStart) {
  const std::string id = start("web", kForever);
  for (const std::string& name : {std::string("web"), id, id.substr(0, 6)})
    EXPECT_EQ(field(name, "{{.Id}}"), id) << name;
  const ProgramRun missing = runner({"stop", "nobody"});
  EXPECT_EQ(missing.exit_code, 5);
  EXPECT_EQ(missing.err, "runner: error: no such container: nobody\n");
  const ProgramRun taken = runner({"create", "--name", "web", "busybox", "true"});
  EXPECT_EQ(taken.exit_code, 125);
  EXPECT_NE(taken.err.find("web"), std::string::npos);
  EXPECT_EQ(runner({"rename", "web", "site"}).exit_code, 0);
  EXPECT_EQ(field("site", "{{.Name}}"), "/site");
  EXPECT_EQ(runner({"kill", "site", "nobody"}).exit_code, 5) << "the others are done all the same";
  EXPECT_EQ(runner({"wait", "site"}).out, "137\n");
}

TEST_F(ContainerCommand, IsNotRemovedWhileItRunsUnlessForced) {
  start("web", kForever);
  EXPECT_NE(runner({"rm", "web"}).exit_code, 0);
  EXPECT_EQ(runner({"rm", "-f", "web"}).out, "web\n");
  EXPECT_EQ(runner({"rm", "-f", "web"}).exit_code, 0) << "docker: a missing one is only said";
  EXPECT_EQ(runner({"ps", "-aq"}).out, "");
}

TEST_F(ContainerCommand, PausesAndGoesOn) {
  start("web", kForever);
  EXPECT_EQ(runner({"pause", "web"}).out, "web\n");
  EXPECT_NE(runner({"ps"}).out.find("(Paused)"), std::string::npos);
  EXPECT_EQ(field("web", "{{.State.Status}}"), "paused");
  EXPECT_EQ(runner({"unpause", "web"}).out, "web\n");
  EXPECT_EQ(field("web", "{{.State.Status}}"), "running");
}

TEST_F(ContainerCommand, StartsAgainWithItsFiles) {
  start("web", "test -e /mark && exit 5; touch /mark; exit 3");
  EXPECT_EQ(runner({"wait", "web"}).out, "3\n");
  EXPECT_EQ(runner({"start", "-a", "web"}).exit_code, 5);
  EXPECT_EQ(runner({"restart", "-t", "0", "web"}).out, "web\n");
  EXPECT_EQ(runner({"wait", "web"}).out, "5\n");
}

TEST_F(ContainerCommand, ShowsItsLogs) {
  start("talker", "echo one; echo three; exec 1>&2; sleep 0.05; echo two");
  ASSERT_EQ(runner({"wait", "talker"}).out, "0\n");
  const ProgramRun all = runner({"logs", "talker"});
  EXPECT_EQ(all.out, "one\nthree\n");
  EXPECT_EQ(all.err, "two\n");
  EXPECT_EQ(runner({"logs", "--tail", "1", "talker"}).err, "two\n");
  EXPECT_EQ(runner({"logs", "--tail", "2", "talker"}).out, "three\n");
  EXPECT_EQ(runner({"logs", "-n0", "talker"}).out, "");
  EXPECT_EQ(runner({"logs", "--since", "1h", "talker"}).out, "one\nthree\n");
  EXPECT_EQ(runner({"logs", "--until", "1h", "talker"}).out, "");
  const std::string stamped = runner({"logs", "-t", "talker"}).out;
  EXPECT_EQ(stamped.substr(4, 1) + stamped.substr(10, 1), "-T") << stamped;
  EXPECT_NE(stamped.find("Z one\n"), std::string::npos) << stamped;
  EXPECT_EQ(runner({"logs", "--tail", "some", "talker"}).exit_code, 2);
}

TEST_F(ContainerCommand, FollowsItsLogsToTheEnd) {
  start("talker", "echo one; while ! test -e /go; do sleep 0.02; done; echo last");
  Program follower(command_line({"logs", "-f", "talker"}), environment(), Stdio::kPipes);
  ASSERT_TRUE(follower.wait_for("one\n"));
  const ProgramRun go = runner({"container", "exec", "talker", "touch", "/go"});
  EXPECT_EQ(go.exit_code, 0) << go.err;
  const ProgramRun end = follower.finish();
  EXPECT_EQ(end.out, "one\nlast\n");
  EXPECT_EQ(end.exit_code, 0);
}

TEST_F(ContainerCommand, IsLeftRunningByItsDetachKeys) {
  Program program(
      command_line({"run", "-it", "--name", "shell", "--network", "none", "busybox", "sh"}),
      environment(), Stdio::kTerminal);
  program.type("echo re''ady\n");
  ASSERT_TRUE(program.wait_for("ready"));
  program.type("\x10\x11");
  const ProgramRun left = program.finish();
  EXPECT_EQ(left.exit_code, 0);
  EXPECT_NE(left.out.find("read escape sequence"), std::string::npos);
  EXPECT_EQ(field("shell", "{{.State.Running}}"), "true");
  Program again(command_line({"attach", "--detach-keys", "ctrl-x", "shell"}), environment(),
                Stdio::kTerminal);
  again.type("echo ba''ck\n");
  ASSERT_TRUE(again.wait_for("back"));
  again.type("\x18");
  EXPECT_EQ(again.finish().exit_code, 0);
  Program last(command_line({"attach", "shell"}), environment(), Stdio::kTerminal);
  last.type("exit 6\n");
  EXPECT_EQ(last.finish().exit_code, 6);
}

TEST_F(ContainerCommand, KeepsNoDescriptorOfItsClient) {
  sys::Pipe pipe = sys::make_pipe().value();
  // As a shell's `exec 77>file` leaves it to all that it runs.
  const std::string shell = "exec 77>/proc/" + std::to_string(::getpid()) + "/fd/" +
                            std::to_string(pipe.write.get()) + "; exec \"$@\"";
  std::vector<std::string> words{"bash", "-c", shell, "bash"};
  for (std::string& word : command_line(
           {"run", "-d", "--name", "web", "--network", "none", "busybox", "sh", "-c", kForever}))
    words.push_back(std::move(word));
  ASSERT_EQ(testing::run_program(words, environment()).exit_code, 0);
  pipe.write.reset();
  char byte = 0;
  ASSERT_EQ(::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK), 0);
  EXPECT_EQ(::read(pipe.read.get(), &byte, 1), 0) << "somebody still holds the pipe's other end";
  EXPECT_EQ(field("web", "{{.State.Running}}"), "true");
}

TEST_F(ContainerCommand, PassesAttachedSignalsOn) {
  start("web", "trap 'echo stopping; exit 8' INT; while :; do echo tick; sleep 0.02; done");
  Program program(command_line({"attach", "web"}), environment(), Stdio::kPipes);
  // Who shows output has its signal handlers in place.
  ASSERT_TRUE(program.wait_for("tick"));
  program.signal(SIGINT);
  const ProgramRun end = program.finish();
  EXPECT_EQ(end.exit_code, 8) << end.out << end.err;
}

TEST_F(ContainerCommand, RunsFurtherCommands) {
  start("web", kForever, {"-e", "FROM=run"});
  const ProgramRun run = runner({"container", "exec", "-e", "MORE=exec", "-w", "/tmp", "-u", "app",
                                 "web", "sh", "-c", "echo $FROM $MORE $PWD $(id -u); exit 4"});
  EXPECT_EQ(run.out, "run exec /tmp 1000\n") << run.err;
  EXPECT_EQ(run.exit_code, 4);
  EXPECT_EQ(runner({"container", "exec", "-i", "web", "cat"}, "typed").out, "typed");
  EXPECT_EQ(runner({"container", "exec", "web", "nope"}).exit_code, 127);
  EXPECT_EQ(runner({"container", "exec", "web", "/etc/plain"}).exit_code, 126);
  Program terminal(command_line({"container", "exec", "-it", "web", "sh"}), environment(),
                   Stdio::kTerminal);
  terminal.type("stty size\n");
  ASSERT_TRUE(terminal.wait_for("30 100"));
  terminal.type("exit 3\n");
  EXPECT_EQ(terminal.finish().exit_code, 3);
}

TEST_F(ContainerCommand, IsFiltered) {
  const std::string id = start("web", kForever, {"-l", "tier=front", "--expose", "80"});
  start("done", "exit 3", {"-l", "tier=back"});
  ASSERT_EQ(runner({"wait", "done"}).out, "3\n");
  const auto names = [](std::vector<std::string> filters) {
    std::vector<std::string> words{"ps", "-a", "--format", "{{.Names}}"};
    for (std::string& filter : filters) words.insert(words.end(), {"--filter", std::move(filter)});
    const ProgramRun run = runner(words);
    return run.exit_code == 0 ? run.out : run.err;
  };
  EXPECT_EQ(names({}), "done\nweb\n") << "newest first";
  EXPECT_EQ(names({"label=tier=front"}), "web\n");
  EXPECT_EQ(names({"label=tier"}), "done\nweb\n");
  EXPECT_EQ(names({"status=exited", "status=running"}), "done\nweb\n");
  EXPECT_EQ(names({"exited=3"}), "done\n");
  EXPECT_EQ(names({"id=" + id.substr(0, 5)}), "web\n");
  EXPECT_EQ(names({"name=^we"}), "web\n");
  EXPECT_EQ(names({"ancestor=busybox", "expose=80"}), "web\n");
  EXPECT_EQ(names({"since=web"}), "done\n");
  EXPECT_EQ(names({"before=done"}), "web\n");
  EXPECT_EQ(names({"network=none"}), "done\nweb\n");
  EXPECT_NE(names({"colour=red"}).find("unknown filter"), std::string::npos);
  EXPECT_NE(names({"status=odd"}).find("no such value"), std::string::npos);
  EXPECT_EQ(runner({"ps", "-l", "--format", "{{.Names}}"}).out, "done\n");
  EXPECT_EQ(runner({"ps", "-n", "1", "-q", "--no-trunc"}).out.size(), 65U);
}

TEST_F(ContainerCommand, IsPrunedWhenItDoesNotRun) {
  start("web", kForever);
  start("old", "exit 0", {"-l", "keep=yes"});
  ASSERT_EQ(runner({"wait", "old"}).out, "0\n");
  EXPECT_EQ(runner({"container", "prune"}).out, "") << "nobody said yes";
  EXPECT_EQ(runner({"container", "prune", "-f", "--filter", "label!=keep"}).out,
            "Total reclaimed space: 0 B\n");
  const ProgramRun pruned = runner({"container", "prune", "-f"});
  EXPECT_NE(pruned.out.find("Deleted Containers:\n"), std::string::npos) << pruned.out;
  EXPECT_EQ(runner({"ps", "-a", "--format", "{{.Names}}"}).out, "web\n");
}

TEST_F(ContainerCommand, IsInspectedWithImagesNetworksAndVolumes) {
  start("web", kForever);
  runner({"volume", "create", "data"});
  const ProgramRun all = runner({"inspect", "web", "busybox", "none", "data"});
  ASSERT_EQ(all.exit_code, 0) << all.err;
  const auto documents = parse_json(all.out);
  ASSERT_TRUE(documents) << all.out;
  ASSERT_EQ(documents->items().size(), 4U);
  EXPECT_EQ(documents->items()[0]["State"]["Status"].string_or(""), "running");
  EXPECT_FALSE(documents->items()[1]["RepoTags"].items().empty());
  EXPECT_EQ(documents->items()[2]["Name"].string_or(""), "none");
  EXPECT_EQ(documents->items()[3]["Driver"].string_or(""), "local");
  const ProgramRun partly = runner({"inspect", "web", "nothing"});
  EXPECT_EQ(partly.exit_code, 5);
  EXPECT_NE(partly.err.find("no such object: nothing"), std::string::npos) << partly.err;
  EXPECT_NE(partly.out.find("\"Status\": \"running\""), std::string::npos)
      << "what is there is shown";
  EXPECT_EQ(runner({"inspect", "--type", "volume", "web"}).exit_code, 5);
  EXPECT_EQ(runner({"volume", "rm", "data"}).out, "data\n");
}

TEST_F(ContainerCommand, RemembersWhatItWasAskedFor) {
  const ProgramRun made = runner({"create",
                                  "--name",
                                  "full",
                                  "--network",
                                  "none",
                                  "-m",
                                  "64m",
                                  "--cpus",
                                  "0.5",
                                  "--restart",
                                  "on-failure:3",
                                  "--cap-drop",
                                  "ALL",
                                  "--read-only",
                                  "--ulimit",
                                  "nofile=100:200",
                                  "-e",
                                  "A=1",
                                  "--entrypoint",
                                  "sh",
                                  "--stop-timeout",
                                  "3",
                                  "busybox",
                                  "-c",
                                  "true"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_EQ(field("full",
                  "{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} "
                  "{{.HostConfig.RestartPolicy.Name}}:"
                  "{{.HostConfig.RestartPolicy.MaximumRetryCount}}"),
            "67108864 500000000 on-failure:3");
  EXPECT_EQ(field("full",
                  "{{json .HostConfig.CapDrop}} {{.HostConfig.ReadonlyRootfs}} "
                  "{{json .HostConfig.Ulimits}}"),
            R"(["ALL"] true [{"Name":"nofile","Hard":200,"Soft":100}])");
  EXPECT_EQ(field("full",
                  "{{json .Config.Entrypoint}} {{json .Config.Cmd}} {{.Config.StopTimeout}} "
                  "{{.Path}} {{json .Args}}"),
            R"(["sh"] ["-c","true"] 3 sh ["-c","true"])");
  EXPECT_EQ(runner({"update", "--memory", "32m", "--restart", "no", "full"}).out, "full\n");
  EXPECT_EQ(field("full", "{{.HostConfig.Memory}} {{.HostConfig.RestartPolicy.Name}}"),
            "33554432 no");
}

TEST_F(ContainerCommand, TellsWhatHappens) {
  start("web", "exit 2");
  ASSERT_EQ(runner({"wait", "web"}).out, "2\n");
  const ProgramRun events = runner({"events", "--since", "1h", "--until", "0s", "--filter",
                                    "container=web", "--format", "{{.Action}}"});
  EXPECT_NE(events.out.find("create\n"), std::string::npos) << events.out << events.err;
  EXPECT_NE(events.out.find("start\n"), std::string::npos) << events.out;
  EXPECT_NE(events.out.find("die\n"), std::string::npos) << events.out;
  EXPECT_EQ(runner({"events", "--since", "1h", "--until", "0s", "--filter", "event=oom"}).out, "");
}

TEST_F(ContainerCommand, ListsItsProcessesAndWhatTheyUse) {
  start("web", kForever);
  const ProgramRun top = runner({"top", "web", "-o", "pid,args"});
  EXPECT_NE(top.out.find("PID"), std::string::npos) << top.err;
  EXPECT_NE(top.out.find("sh -c trap"), std::string::npos) << top.out;
  EXPECT_NE(runner({"top", "web", "-o", "args"}).err.find("no PID column"), std::string::npos);
  const ProgramRun stats = runner({"stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}}"});
  EXPECT_TRUE(stats.out.starts_with("web ")) << stats.out << stats.err;
  EXPECT_NE(stats.out, "web --\n");
}

}  // namespace
}  // namespace slipway::runner
