// What a create's JSON means.
#include "web/docker_api/container_config.h"

#include <gtest/gtest.h>

namespace slipway::web::docker_api {
namespace {

Result<sandbox::ContainerConfig> read(const std::string& text) {
  return read_container_config(parse_json(text).value());
}

std::string refusal(const std::string& text) {
  const auto config = read(text);
  return config ? "accepted" : config.error().text();
}

TEST(ContainerBody, SaysWhatRuns) {
  const auto config = read(
      R"({"Image": "i", "Cmd": ["a", "b"], "Entrypoint": null, "Env": ["X=1", "Y"], "User": "1:2",
    "WorkingDir": "/w", "Labels": {"k": "v"}, "Tty": true, "OpenStdin": true, "StopTimeout": 3, "StopSignal": "SIGINT",
    "ExposedPorts": {"80/tcp": {}, "81/udp": {}}, "Hostname": "h"})");
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->command, (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(config->entrypoint);
  EXPECT_EQ(config->env, std::vector<std::string>{"X=1"});
  EXPECT_EQ(config->labels.at(0).second, "v");
  EXPECT_EQ(config->exposed_ports, (std::vector<std::string>{"80/tcp", "81/udp"}));
  EXPECT_EQ(config->stop_timeout, Millis(3000));
  EXPECT_EQ(config->network_mode, "bridge");
}

TEST(ContainerBody, TakesDockersStringForAListAndAnEmptyEntrypointForNone) {
  EXPECT_EQ(read(R"({"Image": "i", "Cmd": "one"})")->command, std::vector<std::string>{"one"});
  EXPECT_TRUE(read(R"({"Image": "i", "Entrypoint": [""]})")->entrypoint->empty());
  EXPECT_FALSE(read(R"({"Image": "i", "Entrypoint": []})")->entrypoint);
}

TEST(ContainerBody, SaysWhatIsMountedAndPublished) {
  const auto config = read(R"({"Image": "i", "Volumes": {"/anon": {}, "/data": {}}, "HostConfig": {
    "Binds": ["vol:/data:ro", "/etc:/host"], "Mounts": [{"Type": "volume", "Source": "v2", "Target": "/two", "ReadOnly": true},
    {"Type": "tmpfs", "Target": "/mem", "TmpfsOptions": {"SizeBytes": 1048576}}, {"Type": "bind", "Source": "/x", "Target": "/y"}],
    "Tmpfs": {"/t": "size=1m"}, "PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}], "53/udp": [{"HostPort": ""}]}}})");
  ASSERT_TRUE(config) << config.error().text();
  ASSERT_EQ(config->mounts.size(), 7U);
  EXPECT_EQ(config->mounts[0].access, sandbox::Access::kReadOnly);
  EXPECT_TRUE(config->mounts[1].create_source);
  EXPECT_EQ(config->mounts[3].tmpfs_size, 1_MiB);
  EXPECT_FALSE(config->mounts[4].create_source);
  EXPECT_EQ(config->mounts[6].target, "/anon");
  ASSERT_EQ(config->ports.size(), 2U);
  EXPECT_EQ(config->ports[0].host_ip, "127.0.0.1");
  EXPECT_EQ(config->ports[0].host_port, 8080);
  EXPECT_EQ(config->ports[1].container_port, 53);
  EXPECT_EQ(config->ports[1].host_port, 0);
}

TEST(ContainerBody, PutsTheModesNetworkFirst) {
  const auto config = read(
      R"({"Image": "i", "HostConfig": {"NetworkMode": "b"}, "NetworkingConfig": {"EndpointsConfig": {
    "a": {"Aliases": ["x"]}, "b": {"IPAMConfig": {"IPv4Address": "10.0.0.7"}}}}})");
  ASSERT_TRUE(config) << config.error().text();
  ASSERT_EQ(config->endpoints.size(), 2U);
  EXPECT_EQ(config->endpoints[0].network, "b");
  EXPECT_EQ(config->endpoints[0].ipv4, "10.0.0.7");
  EXPECT_EQ(config->endpoints[1].aliases, std::vector<std::string>{"x"});
}

TEST(ContainerBody, MakesPowersOfWhatLoosensIsolation) {
  const auto config = read(
      R"({"Image": "i", "HostConfig": {"Privileged": true, "PidMode": "host", "IpcMode": "host", "UTSMode": "host",
    "UsernsMode": "host", "CapAdd": ["NET_ADMIN"], "SecurityOpt": ["seccomp=unconfined"], "Devices": [{"PathOnHost": "/dev/fuse"}]}})");
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->isolation.powers.size(), 8U);
}

TEST(ContainerBody, IsRefusedByName) {
  EXPECT_NE(refusal("{}").find("no image"), std::string::npos);
  EXPECT_NE(refusal(R"({"Image": "i", "WorkingDir": "w"})").find("absolute"), std::string::npos);
  EXPECT_NE(refusal(R"({"Image": "i", "HostConfig": {"Memory": 100}})").find("6MB"),
            std::string::npos);
  EXPECT_NE(refusal(R"({"Image": "i", "HostConfig": {"DeviceRequests": [{"Driver": "nvidia"}]}})")
                .find("nvidia"),
            std::string::npos);
  EXPECT_NE(
      refusal(R"({"Image": "i", "HostConfig": {"LogConfig": {"Type": "syslog"}}})").find("syslog"),
      std::string::npos);
  EXPECT_NE(refusal(R"({"Image": "i", "Healthcheck": {"Test": ["CMD", "x"], "Interval": 5}})")
                .find("Interval"),
            std::string::npos);
  EXPECT_NE(
      refusal(
          R"({"Image": "i", "HostConfig": {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 2}}})")
          .find("on-failure"),
      std::string::npos);
  EXPECT_NE(refusal(R"({"Image": "i", "HostConfig": {"SecurityOpt": ["seccomp=/etc/passwd"]}})")
                .find("JSON"),
            std::string::npos)
      << "a client does not make the server read its files";
}

}  // namespace
}  // namespace slipway::web::docker_api
