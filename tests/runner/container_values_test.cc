// Docker's texts for ports, mounts, security options and the rest, one grammar after the other; and whole command lines
// read into a container's config.
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "base/files.h"
#include "runner/cli/create_request.h"
#include "runner/option_values.h"
#include "runner/relay.h"

namespace slipway::runner {
namespace {

using sandbox::MountConfig;
namespace power = sandbox::power;

template <typename T>
std::string error_of(const Result<T>& result) {
  return result ? "accepted" : result.error().text();
}

std::string ports_of(const std::string& text) {
  const auto ports = parse_published_ports(text);
  if (!ports) return ports.error().text();
  std::string out;
  for (const auto& port : *ports) {
    out += "[" + port.host_ip + "]:" + std::to_string(port.host_port) + "->" +
           std::to_string(port.container_port) + "/" +
           std::to_string(static_cast<int>(port.protocol)) + " ";
  }
  return out;
}

TEST(PublishedPorts, FollowDocker) {
  EXPECT_EQ(ports_of("80"), "[]:0->80/0 ");
  EXPECT_EQ(ports_of("8080:80"), "[]:8080->80/0 ");
  EXPECT_EQ(ports_of("0:80"), "[]:0->80/0 ") << "as docker: any free one";
  EXPECT_EQ(ports_of("127.0.0.1:8080:80/udp"), "[127.0.0.1]:8080->80/1 ");
  EXPECT_EQ(ports_of("127.0.0.1::80"), "[127.0.0.1]:0->80/0 ");
  EXPECT_EQ(ports_of("[::1]:8080:80/sctp"), "[::1]:8080->80/2 ");
  EXPECT_EQ(ports_of("8000-8001:80-81"), "[]:8000->80/0 []:8001->81/0 ");
  EXPECT_EQ(ports_of("80-81"), "[]:0->80/0 []:0->81/0 ");
}

TEST(PublishedPorts, ExplainWhatIsWrong) {
  EXPECT_EQ(ports_of("x"), "port \"x\": expected a number from 1 to 65535, or a range of them");
  for (const char* text :
       {"", "0", "65536", "80/icmp", "1-2:3", "2-1", "300.1.1.1:80:80", "[::1:80", "a:b:80", "80:"})
    EXPECT_NE(ports_of(text).find("port \""), std::string::npos) << text;
}

TEST(ExposedPorts, BecomeSinglePorts) {
  EXPECT_EQ(*parse_exposed_ports("80-81/UDP"), (std::vector<std::string>{"80/udp", "81/udp"}));
  EXPECT_EQ(*parse_exposed_ports("443"), std::vector<std::string>{"443/tcp"});
}

TEST(VolumeOption, TellsDirectoriesFromVolumes) {
  const auto bind = parse_volume("/srv/../tmp:/data:ro");
  ASSERT_TRUE(bind) << bind.error().text();
  EXPECT_EQ(bind->type, MountConfig::Type::kBind);
  EXPECT_EQ(bind->source, "/tmp");
  EXPECT_EQ(bind->access, sandbox::Access::kReadOnly);
  EXPECT_TRUE(bind->create_source);
  EXPECT_EQ(parse_volume("./here:/data")->source,
            std::filesystem::current_path().string() + "/here");
  const auto named = parse_volume("db:/data:nocopy,z");
  ASSERT_TRUE(named) << named.error().text();
  EXPECT_EQ(named->type, MountConfig::Type::kVolume);
  EXPECT_EQ(named->source, "db");
  EXPECT_TRUE(named->no_copy);
  EXPECT_EQ(parse_volume("/data")->source, "") << "anonymous";
  EXPECT_EQ(parse_volume("/a:/b:rslave")->propagation, MountConfig::Propagation::kRecursiveSlave);
}

TEST(VolumeOption, ExplainsWhatIsWrong) {
  EXPECT_EQ(error_of(parse_volume("/tmp:x")),
            "mount \"/tmp:x\": the target must be an absolute path");
  EXPECT_EQ(
      error_of(parse_volume("d b:/x")),
      "mount \"d b:/x\": \"d b\" is no volume name; for a directory of this machine write its "
      "absolute path");
  for (const char* text : {"", ":/x", "/a:/", "/a:/b/..", "/a:/b:exec", "/a:/b:nocopy",
                           "v1:/b:shared", "/a:/b:ro:rw", "/data:ro"})
    EXPECT_NE(error_of(parse_volume(text)), "accepted") << text;
}

TEST(MountOption, ReadsEveryKey) {
  const auto volume = parse_mount(
      "type=volume,src=db,dst=/d,readonly,volume-nocopy=true,\"volume-label=a=1,2\","
      "volume-subpath=in/side");
  ASSERT_TRUE(volume) << volume.error().text();
  EXPECT_EQ(volume->source, "db");
  EXPECT_EQ(volume->access, sandbox::Access::kReadOnly);
  EXPECT_TRUE(volume->no_copy);
  EXPECT_EQ(volume->volume_labels[0], (std::pair<std::string, std::string>("a", "1,2")));
  EXPECT_EQ(volume->subpath, "in/side");
  const auto memory = parse_mount("type=tmpfs,target=/t,tmpfs-size=1m,tmpfs-mode=700");
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->tmpfs_size, 1_MiB);
  EXPECT_EQ(memory->tmpfs_mode, 0700U);
  const auto bind =
      parse_mount("type=bind,source=/x,destination=/y,bind-propagation=shared,ro=false");
  ASSERT_TRUE(bind);
  EXPECT_FALSE(bind->create_source) << "a missing source is an error";
  EXPECT_EQ(bind->access, sandbox::Access::kReadWrite);
}

TEST(MountOption, ExplainsWhatIsWrong) {
  EXPECT_EQ(error_of(parse_mount("type=bind,target=/x")),
            "mount \"type=bind,target=/x\": the source is missing");
  EXPECT_EQ(
      error_of(parse_mount("type=tmpfs,target=/x,volume-nocopy")),
      "mount \"type=tmpfs,target=/x,volume-nocopy\": volume-nocopy does not go with this type");
  for (const char* text :
       {"", "type=image,source=a,target=/x", "target=/x,colour=red", "type=tmpfs",
        "type=tmpfs,source=x,target=/x", "type=bind,source=x,target=/x", "\"type=tmpfs",
        "target=/x,volume-opt=type=nfs", "target=/x,readonly=7"})
    EXPECT_NE(error_of(parse_mount(text)), "accepted") << text;
}

TEST(TmpfsOption, KeepsWhatIsSafe) {
  const auto mount = parse_tmpfs("/run:size=1m,mode=755,noexec,uid=5");
  ASSERT_TRUE(mount) << mount.error().text();
  EXPECT_EQ(mount->tmpfs_mode, 0755U);
  EXPECT_EQ(mount->tmpfs_options, (std::vector<std::string>{"noexec", "uid=5"}));
  for (const char* text : {"run", "/x:suid", "/x:dev", "/x:mode=9", "/x:uid=me"})
    EXPECT_NE(error_of(parse_tmpfs(text)), "accepted") << text;
}

TEST(SecurityOption, TurnsIntoPowers) {
  sandbox::Isolation isolation;
  for (const char* text :
       {"seccomp=unconfined", "systempaths=unconfined", "no-new-privileges=false",
        "apparmor=docker-default", "label=disable", "seccomp={\"defaultAction\":1}"})
    ASSERT_TRUE(apply_security_option(text, isolation)) << text;
  EXPECT_FALSE(isolation.no_new_privileges);
  EXPECT_EQ(isolation.apparmor_profile, "docker-default");
  ASSERT_EQ(isolation.powers.size(), 3U);
  EXPECT_TRUE(std::holds_alternative<power::UnconfinedSeccomp>(isolation.powers[0]));
  EXPECT_TRUE(std::holds_alternative<power::UnmaskedPaths>(isolation.powers[1]));
  EXPECT_TRUE(std::holds_alternative<power::CustomSeccomp>(isolation.powers[2]));
}

TEST(SecurityOption, ReadsAProfileAndRefusesWhatIsNone) {
  const TempDir dir = *TempDir::make("/tmp", "values-test-");
  const std::string path = dir.path() + "/profile.json";
  std::ofstream(path) << R"({"defaultAction":"SCMP_ACT_ERRNO"})";
  sandbox::Isolation isolation;
  ASSERT_TRUE(apply_security_option("seccomp=" + path, isolation));
  EXPECT_EQ(std::get<power::CustomSeccomp>(isolation.powers[0]).json,
            R"({"defaultAction":"SCMP_ACT_ERRNO"})");
  std::ofstream(path) << "{";
  EXPECT_EQ(apply_security_option("seccomp=" + path, isolation).error().code(),
            ErrorCode::kInvalid);
  EXPECT_EQ(apply_security_option("seccomp=/does/not/exist", isolation).error().code(),
            ErrorCode::kNotFound);
  EXPECT_EQ(apply_security_option("label=type:x", isolation).error().code(),
            ErrorCode::kUnsupported);
  EXPECT_EQ(apply_security_option("nonsense", isolation).error().code(), ErrorCode::kInvalid);
}

TEST(DeviceOption, FollowsDocker) {
  const auto plain = parse_device("/dev/fuse");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->path_in_container, "/dev/fuse");
  EXPECT_EQ(plain->permissions, "rwm");
  EXPECT_EQ(parse_device("/dev/fuse:r")->permissions, "r");
  EXPECT_EQ(parse_device("/dev/sda:/dev/xvdc:rw")->path_in_container, "/dev/xvdc");
  for (const char* text : {"fuse", "/dev/a:/dev/b:x", "/dev/a:b", "/a:/b:r:w"})
    EXPECT_NE(error_of(parse_device(text)), "accepted") << text;
}

TEST(UlimitOption, ReadsSoftAndHard) {
  const auto limit = parse_ulimit("nofile=10:unlimited");
  ASSERT_TRUE(limit);
  EXPECT_EQ(limit->soft, 10);
  EXPECT_EQ(limit->hard, -1);
  EXPECT_EQ(parse_ulimit("core=0")->hard, 0);
  for (const char* text : {"nofile", "speed=1", "nofile=2:1", "nofile=-1:5", "nofile=x"})
    EXPECT_NE(error_of(parse_ulimit(text)), "accepted") << text;
}

TEST(SignalOption, TakesNamesAndNumbers) {
  EXPECT_EQ(*parse_signal("SIGQUIT"), SIGQUIT);
  EXPECT_EQ(*parse_signal("int"), SIGINT);
  EXPECT_EQ(*parse_signal("9"), 9);
  EXPECT_EQ(*parse_signal("SIGRTMIN+3"), SIGRTMIN + 3);
  for (const char* text : {"", "0", "99", "SIGNOPE", "RTMIN-1", "RTMAX+1"})
    EXPECT_NE(error_of(parse_signal(text)), "accepted") << text;
}

TEST(DetachKeys, AreFoundAcrossReadsAndGiveBackWhatWasNone) {
  DetachKeys keys = *DetachKeys::parse("ctrl-p,ctrl-q");
  EXPECT_EQ(keys.pass("ab"), "ab");
  EXPECT_EQ(keys.pass("a\x10"), "a") << "held back";
  EXPECT_EQ(keys.pass("b"),
            "\x10"
            "b");
  EXPECT_EQ(keys.pass("\x10\x10"), "\x10");
  EXPECT_EQ(keys.pass("\x11"), std::nullopt);
  DetachKeys letters = *DetachKeys::parse("a,b");
  EXPECT_EQ(letters.pass("xab"), std::nullopt);
  DetachKeys none = *DetachKeys::parse("");
  EXPECT_EQ(none.pass("\x10\x11"), "\x10\x11");
  EXPECT_FALSE(DetachKeys::parse("ctrl-"));
  EXPECT_FALSE(DetachKeys::parse("alt-x"));
}

Environment shell_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    if (name == "HERE") return "value";
    return std::nullopt;
  };
}

Result<CreateRequest> requested(std::vector<std::string> words) {
  words.insert(words.begin(), "create");
  const Parsed line = parse_command_line(words, [](const std::string&) { return std::nullopt; });
  if (const auto* invocation = std::get_if<Invocation>(&line))
    return read_create_request(*invocation, shell_environment());
  const auto* usage = std::get_if<UsageError>(&line);
  return fail(ErrorCode::kInternal,
              usage != nullptr ? usage->message + ": " + usage->help : "help");
}
std::string refused(const std::vector<std::string>& words) { return error_of(requested(words)); }

TEST(CreateOptions, BecomeAConfig) {
  const auto request = requested({"--name",
                                  "web",
                                  "-e",
                                  "A=1",
                                  "-e",
                                  "HERE",
                                  "-v",
                                  "/tmp:/data:ro",
                                  "--tmpfs",
                                  "/run:size=1m",
                                  "-m",
                                  "64m",
                                  "--cpus",
                                  "0.5",
                                  "--pids-limit",
                                  "0",
                                  "--add-host",
                                  "db:host-gateway",
                                  "-l",
                                  "k=v",
                                  "-l",
                                  "k=w",
                                  "-p",
                                  "8080:80",
                                  "--restart",
                                  "on-failure:3",
                                  "-it",
                                  "--entrypoint",
                                  "",
                                  "--health-cmd",
                                  "true",
                                  "--health-retries",
                                  "5",
                                  "--log-opt",
                                  "max-size=1m",
                                  "--privileged",
                                  "--cap-add",
                                  "cap_net_raw",
                                  "--pid",
                                  "container:other",
                                  "--net",
                                  "none",
                                  "box",
                                  "cmd",
                                  "-x"});
  ASSERT_TRUE(request) << request.error().text();
  const sandbox::ContainerConfig& config = request->config;
  EXPECT_EQ(request->name, "web");
  EXPECT_EQ(config.image, "box");
  EXPECT_EQ(config.command, (std::vector<std::string>{"cmd", "-x"}));
  ASSERT_TRUE(config.entrypoint);
  EXPECT_TRUE(config.entrypoint->empty());
  EXPECT_EQ(config.env, (std::vector<std::string>{"A=1", "HERE=value"}));
  EXPECT_EQ(config.mounts.size(), 2U);
  EXPECT_EQ(config.limits.memory, 64_MiB);
  EXPECT_EQ(config.limits.pids, -1) << "docker: 0 is no limit";
  EXPECT_EQ(config.extra_hosts[0].second, "host-gateway");
  EXPECT_EQ(config.labels, (std::vector<std::pair<std::string, std::string>>{{"k", "w"}}));
  EXPECT_EQ(config.ports[0].host_port, 8080);
  EXPECT_EQ(config.restart.str(), "on-failure:3");
  EXPECT_TRUE(config.tty && config.open_stdin);
  EXPECT_EQ(config.health->test, (std::vector<std::string>{"CMD-SHELL", "true"}));
  EXPECT_EQ(config.health->retries, 5);
  EXPECT_EQ(config.log.max_size, 1_MiB);
  EXPECT_EQ(config.isolation.pid_of, "other");
  EXPECT_EQ(config.network_mode, "none") << "--net is --network";
  ASSERT_EQ(config.isolation.powers.size(), 3U);
  EXPECT_EQ(std::get<power::AddedCapability>(config.isolation.powers[1]).name, "NET_RAW");
  EXPECT_EQ(std::get<power::HostDirectory>(config.isolation.powers[2]).path, "/tmp")
      << "a policy must see directories of this machine";
}

TEST(CreateOptions, JoinNetworks) {
  const auto request = requested({"--network", "name=web,alias=a,ip=10.0.0.2", "--network", "db",
                                  "--network-alias", "b", "box"});
  ASSERT_TRUE(request) << request.error().text();
  EXPECT_EQ(request->config.network_mode, "web");
  ASSERT_EQ(request->config.endpoints.size(), 2U);
  EXPECT_EQ(request->config.endpoints[0].aliases, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(request->config.endpoints[0].ipv4, "10.0.0.2");
  const auto host = requested({"--network", "host", "box"});
  ASSERT_TRUE(host);
  EXPECT_TRUE(
      std::holds_alternative<power::HostNetworkNamespace>(host->config.isolation.powers[0]));
  EXPECT_TRUE(requested({"--network", "bridge", "box"})->config.endpoints.empty());
}

TEST(CreateOptions, ExplainWhatIsWrong) {
  EXPECT_EQ(refused({"-m", "1k", "box"}),
            "option --memory \"1k\": at least 6m is needed to start a process");
  EXPECT_EQ(refused({"--cpus", "-1", "box"}), "option --cpus \"-1\": expected a number above 0");
  EXPECT_EQ(refused({"-w", "src", "box"}), "option --workdir \"src\": must be an absolute path");
  EXPECT_EQ(refused({"--add-host", "db", "box"}),
            "option --add-host: host \"db\": expected NAME:IP");
  EXPECT_EQ(refused({"--rm", "--restart", "always", "box"}),
            "options --rm and --restart exclude each other");
  EXPECT_EQ(refused({"--network", "bridge", "--ip", "10.0.0.2", "box"}),
            "option --network \"bridge\": addresses and aliases are for networks of your own "
            "(`runner network create`)");
  EXPECT_EQ(refused({"--network", "none", "--network", "web", "box"}),
            "option --network \"none\": goes not with other networks");
  EXPECT_EQ(refused({"-v", "/a:/x", "--tmpfs", "/x", "box"}), "duplicate mount point: /x");
  EXPECT_EQ(refused({"--log-opt", "tag=x", "box"}),
            "option --log-opt \"tag=x\": max-size and max-file are possible");
  EXPECT_EQ(refused({"--name", "-x", "box"}),
            "option --name \"-x\": only [a-zA-Z0-9][a-zA-Z0-9_.-]+ is allowed");
}

TEST(CreateOptions, SayWhyWhatDockerCanIsNotPossible) {
  EXPECT_EQ(
      refused({"--gpus", "all", "box"}),
      "option \"--gpus\" is not possible here: device drivers of vendors are not run; give the "
      "devices by --device");
  EXPECT_NE(refused({"--link=db", "box"}).find("names resolve there"), std::string::npos);
  EXPECT_NE(refused({"--nonsense", "box"}).find("unknown option"), std::string::npos);
}

}  // namespace
}  // namespace slipway::runner
