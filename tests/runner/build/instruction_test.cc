// Instructions that change the image's config, with the history that other builders write.
#include "tests/runner/build/build_fixture.h"

namespace slipway::runner {
namespace {

using Strings = std::vector<std::string>;
class Instructions : public BuildTest {};

const Strings kPath = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};

TEST_F(Instructions, EnvSeesOnlyWhatWasBefore) {
  const auto made = image("FROM scratch\nENV abc=hello\nENV abc=bye def=$abc\nENV ghi=$abc\n");
  Strings expected = kPath;
  expected.insert(expected.end(), {"abc=bye", "def=hello", "ghi=bye"});
  EXPECT_EQ(made.config.env, expected);
  EXPECT_EQ(history(made), (Strings{"ENV abc=hello", "ENV abc=bye def=hello", "ENV ghi=bye"}));
}

TEST_F(Instructions, EntrypointDropsTheCommandOfTheBaseButNotOfItsOwnStage) {
  EXPECT_TRUE(image("FROM busybox\nENTRYPOINT [\"a\"]\n").config.cmd.empty());
  const auto made = image("FROM busybox\nCMD [\"x\"]\nENTRYPOINT [\"a\", \"b c\"]\n");
  EXPECT_EQ(made.config.cmd, (Strings{"x"}));
  EXPECT_EQ(history(made), (Strings{"CMD [\"x\"]", "ENTRYPOINT [\"a\" \"b c\"]"}));
}

TEST_F(Instructions, ShellFormsUseTheShell) {
  const auto made = image("FROM scratch\nSHELL [\"/x\", \"-y\"]\nCMD run it\n");
  EXPECT_EQ(made.config.cmd, (Strings{"/x", "-y", "run it"}));
  EXPECT_EQ(made.config.shell, (Strings{"/x", "-y"}));
  EXPECT_EQ(history(made), (Strings{"SHELL [/x -y]", "CMD [\"/x\" \"-y\" \"run it\"]"}));
}

TEST_F(Instructions, ExposeMakesSinglePortsOfRanges) {
  const auto made = image("FROM scratch\nEXPOSE 80 53/UDP 8000-8002\n");
  EXPECT_EQ(made.config.exposed_ports,
            (Strings{"53/udp", "80/tcp", "8000/tcp", "8001/tcp", "8002/tcp"}));
  EXPECT_NE(failure("FROM scratch\nEXPOSE 70000\n").find("Dockerfile:2:"), std::string::npos);
}

TEST_F(Instructions, HealthcheckKeepsItsTimes) {
  const auto made =
      image("FROM scratch\nHEALTHCHECK --interval=5m --timeout=1.5s --retries=2 CMD [\"check\"]\n");
  ASSERT_TRUE(made.config.healthcheck);
  EXPECT_EQ(made.config.healthcheck->interval, std::chrono::minutes(5));
  EXPECT_EQ(history(made), (Strings{"HEALTHCHECK {Test:[CMD check] Interval:5m0s Timeout:1.5s "
                                    "StartPeriod:0s StartInterval:0s Retries:2}"}));
}

TEST_F(Instructions, TheRestOfTheConfig) {
  const auto made = image(
      "FROM scratch\nLABEL b=\"x y\" a=1\nUSER app:app\nVOLUME /data /more\nSTOPSIGNAL SIGINT\n"
      "WORKDIR /a\nWORKDIR b\nMAINTAINER me\n");
  EXPECT_EQ(made.config.labels,
            (std::vector<std::pair<std::string, std::string>>{{"a", "1"}, {"b", "x y"}}));
  EXPECT_EQ(made.config.user, "app:app");
  EXPECT_EQ(made.config.volumes, (Strings{"/data", "/more"}));
  EXPECT_EQ(made.config.stop_signal, "SIGINT");
  EXPECT_EQ(made.config.working_dir, "/a/b");
  EXPECT_EQ(made.config.author, "me");
  EXPECT_EQ(file(made, "/a/b"), "(directory)");
  EXPECT_NE(failure("FROM scratch\nSTOPSIGNAL nonsense\n").find("not a signal"), std::string::npos);
}

TEST_F(Instructions, ArgumentsBelongToTheirStage) {
  const auto made = image(
      "ARG G=global\nFROM scratch AS a\nARG G\nENV A=$G\nFROM a\nENV B=$G C=${H:-none}\nARG H=1\n",
      [](BuildRequest& request) {
        request.args = {{"H", "2"}};
      });
  Strings expected = kPath;
  expected.insert(expected.end(), {"A=global", "B=global", "C=none"});
  EXPECT_EQ(made.config.env, expected);
  EXPECT_EQ(history(made).back(), "ARG H=2");
}

TEST_F(Instructions, GlobalArgumentsAreNotSeenWithoutDeclaration) {
  const auto made = image("ARG BASE=scratch\nFROM $BASE\nENV A=x$BASE\n");
  EXPECT_EQ(made.config.env.back(), "A=x");
}

TEST_F(Instructions, RunSeesArgumentsAndItsHistoryShowsThem) {
  const auto made = image("FROM busybox\nARG A=1\nARG B\nRUN echo $A > /a\n");
  EXPECT_EQ(file(made, "/a"), "1\n");
  EXPECT_EQ(history(made).back(), "RUN |2 A=1 B= /bin/sh -c echo $A > /a # buildkit");
}

TEST_F(Instructions, ProxiesAreSeenButNotRemembered) {
  const auto made = image("FROM busybox\nRUN echo $http_proxy > /p\n", [](BuildRequest& request) {
    request.args = {{"http_proxy", "http://p:1"}};
  });
  EXPECT_EQ(file(made, "/p"), "http://p:1\n");
  EXPECT_EQ(history(made).back().find("p:1"), std::string::npos);
}

TEST_F(Instructions, TriggersRunRightAfterFromAndOnce) {
  image("FROM busybox\nONBUILD RUN echo t > /t\nONBUILD ENV T=1\n",
        [](BuildRequest& request) { request.tags = {"base"}; });
  const auto child = image("FROM base\nRUN cat /t > /u\n",
                           [](BuildRequest& request) { request.tags = {"child"}; });
  EXPECT_EQ(file(child, "/u"), "t\n");
  EXPECT_TRUE(child.config.on_build.empty());
  EXPECT_EQ(seen.latest.count("[2/3] ONBUILD RUN echo t > /t"), 1U);
  image("FROM child\nENV X=1\n");
  EXPECT_EQ(seen.latest.count("[2/3] ONBUILD RUN echo t > /t"), 0U);
}

TEST_F(Instructions, TriggersOfAStageRunInItsChild) {
  const auto made = image("FROM busybox AS a\nONBUILD RUN echo t > /t\nFROM a\nENV X=1\n");
  EXPECT_EQ(file(made, "/t"), "t\n");
}

TEST_F(Instructions, HeredocsOfRunAndCopy) {
  const auto made = image(
      "FROM busybox\nARG W=world\nRUN <<EOF\necho one > /one\necho two > /two\nEOF\n"
      "RUN <<EOF cat > /three\nthree\nEOF\n"
      "RUN <<EOF\n#!/bin/cat\ncontent\nEOF\n"
      "COPY <<a <<\"b\" /d/\nhello $W\na\nraw $W\nb\n");
  EXPECT_EQ(file(made, "/one") + file(made, "/two") + file(made, "/three"), "one\ntwo\nthree\n");
  EXPECT_NE(seen.text.find("content\n"), std::string::npos);
  EXPECT_EQ(file(made, "/d/a"), "hello world\n");
  EXPECT_EQ(file(made, "/d/b"), "raw $W\n");
}

TEST_F(Instructions, UserOwnsTheWorkingDirectoryItMakes) {
  const auto made =
      image("FROM busybox\nUSER app\nWORKDIR /mine/too\nRUN touch here && id -un > here\n");
  EXPECT_EQ(file(made, "/mine/too/here"), "app\n");
}

TEST_F(Instructions, HomeIsTheUsers) {
  const auto made = image(
      "FROM busybox\nRUN chmod 777 /tmp; echo $HOME > /tmp/a\nUSER app\nRUN echo $HOME > /tmp/b\n");
  EXPECT_EQ(file(made, "/tmp/a") + file(made, "/tmp/b"), "/root\n/home/app\n");
}

TEST_F(Instructions, NamedContextsReplaceImagesAndGiveFiles) {
  std::filesystem::create_directories(directory_->path() + "/other");
  std::ofstream(directory_->path() + "/other/o") << "other";
  const auto change = [this](BuildRequest& request) {
    request.named_contexts = {{"extra", directory_->path() + "/other"},
                              {"base", "docker-image://busybox"}};
  };
  const auto made = image("FROM base\nCOPY --from=extra o /o\n", change);
  EXPECT_EQ(made.layers.size(), 2U);
  EXPECT_EQ(file(made, "/o"), "other");
  EXPECT_EQ(file(image("FROM extra\n", change), "/o"), "other");
}

}  // namespace
}  // namespace slipway::runner
