// RUN: mounts, secrets, networks, and what may not stay in the layer.
#include <sys/socket.h>
#include <sys/un.h>

#include <thread>

#include "tests/runner/build/build_fixture.h"

namespace slipway::runner {
namespace {

using Strings = std::vector<std::string>;
class RunStep : public BuildTest {
 protected:
  /// Everything below the state directory that holds `text`.
  Strings files_with(const std::string& text) const {
    Strings found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(state())) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string content((std::istreambuf_iterator<char>(in)), {});
      if (content.find(text) != std::string::npos) found.push_back(entry.path());
    }
    return found;
  }
  static Strings names(const std::string& directory) {
    Strings names;
    for (const auto& entry : std::filesystem::directory_iterator(directory))
      names.push_back(entry.path().filename());
    return names;
  }
};

TEST_F(RunStep, SecretsReachTheCommandAndNothingElse) {
  const std::string secret = "correct-horse-battery";
  const auto made = image(
      "FROM busybox\nRUN --mount=type=secret,id=s --mount=type=secret,id=s,env=S "
      "test \"$(cat /run/secrets/s)\" = \"$S\" && echo got $S\n",
      [&](BuildRequest& request) {
        request.secrets = {{"s", secret}};
      });
  EXPECT_NE(seen.text.find("got ***"), std::string::npos) << seen.text;
  EXPECT_EQ(seen.text.find(secret), std::string::npos);
  EXPECT_EQ(files_with(secret), Strings{});
  EXPECT_EQ(file(made, "/run"), "(missing)");  // The mount point went again.
}

TEST_F(RunStep, AnotherSecretValueIsNoOtherStep) {
  const std::string dockerfile =
      "FROM busybox\nRUN --mount=type=secret,id=s cat /run/secrets/s > /dev/null\n";
  image(dockerfile, [](BuildRequest& request) { request.secrets = {{"s", "value-one"}}; });
  image(dockerfile, [](BuildRequest& request) { request.secrets = {{"s", "value-two"}}; });
  EXPECT_TRUE(seen.in_state(VertexState::kDone).empty());
}

TEST_F(RunStep, RequiredSecretThatIsMissingNamesTheOption) {
  EXPECT_NE(
      failure("FROM busybox\nRUN --mount=type=secret,id=s,required true\n").find("--secret id=s"),
      std::string::npos);
}

TEST_F(RunStep, SecretHasItsOwnerAndMode) {
  const auto made = image(
      "FROM busybox\nRUN --mount=type=secret,id=s,uid=7,gid=8,mode=0440 stat -c '%u %g %a' "
      "/run/secrets/s > /m\n",
      [](BuildRequest& request) {
        request.secrets = {{"s", "value"}};
      });
  EXPECT_EQ(file(made, "/m"), "7 8 440\n");
}

TEST_F(RunStep, BindMountShowsTheContextAndDropsWhatIsWritten) {
  write("in/a", "context");
  const auto made = image(
      "FROM busybox\nRUN --mount=target=/ctx cat /ctx/in/a > /a\n"
      "RUN --mount=source=in,target=/ctx,rw echo more > /ctx/b && cat /ctx/b > /b\n"
      "RUN --mount=source=in/a,target=/f cat /f > /c\n");
  EXPECT_EQ(file(made, "/a") + file(made, "/b") + file(made, "/c"), "contextmore\ncontext");
  EXPECT_EQ(file(made, "/ctx"), "(missing)");
  EXPECT_EQ(file(made, "/f"), "(missing)");
  EXPECT_FALSE(path_exists(context() + "/in/b"));
}

TEST_F(RunStep, BindMountContentCounts) {
  write("a", "1");
  const std::string dockerfile = "FROM busybox\nRUN --mount=target=/ctx cat /ctx/a > /a\n";
  EXPECT_EQ(file(image(dockerfile), "/a"), "1");
  write("a", "2");
  EXPECT_EQ(file(image(dockerfile), "/a"), "2");
}

TEST_F(RunStep, BindMountOfAStageIsReadOnlyUnlessAsked) {
  const auto made = image(
      "FROM busybox AS s\nRUN mkdir /d && echo x > /d/x\nFROM busybox\n"
      "RUN --mount=from=s,source=/d,target=/m if touch /m/y; then exit 1; fi; cat /m/x > /x\n");
  EXPECT_EQ(file(made, "/x"), "x\n");
}

TEST_F(RunStep, CacheMountOutlivesBuildsAndIsInNoLayer) {
  const auto change = [](BuildRequest& request) { request.no_cache = true; };
  const std::string dockerfile =
      "FROM busybox\nRUN --mount=type=cache,target=/c echo x >> /c/log; cat /c/log > /seen\n";
  EXPECT_EQ(file(image(dockerfile, change), "/seen"), "x\n");
  const auto second = image(dockerfile, change);
  EXPECT_EQ(file(second, "/seen"), "x\nx\n");
  EXPECT_EQ(file(second, "/c"), "(missing)");
}

TEST_F(RunStep, CacheMountBeginsWithAStagesFilesAndHasItsOwner) {
  const auto made = image(
      "FROM busybox AS s\nRUN mkdir /d && echo x > /d/x\nFROM busybox\n"
      "RUN --mount=type=cache,from=s,source=/d,target=/c,uid=1000,mode=0700 "
      "cat /c/x > /x; stat -c '%u %a' /c > /o\n");
  EXPECT_EQ(file(made, "/x"), "x\n");
  EXPECT_EQ(file(made, "/o"), "1000 700\n");
}

TEST_F(RunStep, PrivateCachesAreNotSharedAtTheSameTime) {
  const std::string meet = "--mount=type=cache,id=meet,target=/m ";
  const std::string own = "RUN --mount=type=cache,id=own,target=/c,sharing=private " + meet;
  const auto made = image("FROM busybox AS a\n" + own +
                          "touch /c/a /m/a; while ! test -e /m/b; do :; done; ls /c > /a; touch "
                          "/m/a2; while ! test -e /m/b2; do :; done\n"
                          "FROM busybox AS b\n" +
                          own +
                          "touch /c/b /m/b; while ! test -e /m/a; do :; done; ls /c > /b; touch "
                          "/m/b2; while ! test -e /m/a2; do :; done\n"
                          "FROM scratch\nCOPY --from=a /a /\nCOPY --from=b /b /\n");
  EXPECT_EQ(file(made, "/a") + file(made, "/b"), "a\nb\n");
}

TEST_F(RunStep, LockedCacheIsUsedByOneAtATime) {
  const std::string own = "RUN --mount=type=cache,id=own,target=/c,sharing=locked ";
  const std::string work =
      "test ! -e /c/in && touch /c/in && sleep 0.1 && rm /c/in && touch /done\n";
  image("FROM busybox AS a\n" + own + work + "FROM busybox AS b\nENV B=1\n" + own + work +
        "FROM scratch\nCOPY --from=a /done /a\nCOPY --from=b /done /b\n");
}

TEST_F(RunStep, TmpfsIsInNoLayer) {
  const auto made =
      image("FROM busybox\nRUN --mount=type=tmpfs,target=/t,size=1m touch /t/x && echo y > /y\n");
  EXPECT_EQ(file(made, "/t"), "(missing)");
  EXPECT_EQ(file(made, "/y"), "y\n");
}

TEST_F(RunStep, LayersHoldNothingThatTheEngineMade) {
  const auto made = image("FROM busybox\nRUN echo x > /x\n");
  EXPECT_EQ(names(made.layers.back().path), (Strings{"x"}));
}

TEST_F(RunStep, HostNetworkAndInsecureMustBeAllowed) {
  EXPECT_NE(failure("FROM busybox\nRUN --network=host true\n").find("--allow network.host"),
            std::string::npos);
  EXPECT_NE(
      failure("FROM busybox\nRUN --security=insecure true\n").find("--allow security.insecure"),
      std::string::npos);
}

TEST_F(RunStep, SshAgentIsForwarded) {
  const std::string path = directory_->path() + "/agent";
  Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 4), 0);
  std::thread agent([&] {
    // The first connection only asks whether somebody listens.
    for (int i = 0; i < 2; ++i) {
      const Fd client(::accept(listener.get(), nullptr, nullptr));
      char word[16] = {};
      const ssize_t size = ::recv(client.get(), word, sizeof word, 0);
      if (size > 0) (void)::send(client.get(), "pong\n", 5, MSG_NOSIGNAL);
    }
  });
  const auto made =
      image("FROM busybox\nRUN --mount=type=ssh ask_socket $SSH_AUTH_SOCK ping > /pong\n",
            [&](BuildRequest& request) {
              request.ssh = {{"default", path}};
            });
  agent.join();
  EXPECT_EQ(file(made, "/pong"), "pong\n");
}

TEST_F(RunStep, HostsAreGiven) {
  const auto made =
      image("FROM busybox\nRUN grep -w db /etc/hosts > /h\n", [](BuildRequest& request) {
        request.extra_hosts = {{"db", "10.1.2.3"}};
      });
  EXPECT_EQ(file(made, "/h"), "10.1.2.3\tdb\n");
}

}  // namespace
}  // namespace slipway::runner
