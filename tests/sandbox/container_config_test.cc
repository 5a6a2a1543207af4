// A container's config as JSON and back.
#include "sandbox/container_config.h"

#include <gtest/gtest.h>

namespace slipway::sandbox {
namespace {

ContainerConfig full_config() {
  ContainerConfig config;
  config.image = "debian:12";
  config.entrypoint = std::vector<std::string>{};
  config.command = {"sh", "-c", "echo \"hi\""};
  config.env = {"A=1", "B="};
  config.tty = true;
  config.stop_timeout = Millis(1500);
  config.health = HealthCheck{{"CMD-SHELL", "true"}, Millis(1), Millis(2), Millis(3), Millis(4), 5};
  config.labels = {{"b", "2"}, {"a", "1"}};
  config.restart = {RestartPolicy::Kind::kOnFailure, 3};
  config.log = {LogConfig::Driver::kNone, 1_KiB, 2};
  MountConfig mount;
  mount.type = MountConfig::Type::kVolume;
  mount.target = "/data";
  mount.access = Access::kReadOnly;
  mount.propagation = MountConfig::Propagation::kShared;
  mount.volume_labels = {{"k", "v"}};
  config.mounts = {mount};
  config.endpoints = {{"web", {"alias"}, "10.0.0.2", "", "02:00:00:00:00:01"}};
  config.ports = {{"127.0.0.1", 8080, 80, Protocol::kUdp}};
  config.limits.cpus = 1.5;
  config.limits.memory = 64_MiB;
  config.limits.pids = -1;
  config.limits.read_bps = {{"/dev/sda", 1024}};
  config.isolation.powers = {power::Privileged{}, power::CustomSeccomp{"{}"},
                             power::HostDevice{"/dev/fuse", "/dev/f", "r"},
                             power::AddedCapability{"NET_RAW"}, power::HostDirectory{"/srv"}};
  config.isolation.ulimits = {{"nofile", 10, -1}};
  return config;
}

TEST(ContainerConfigJson, KeepsEverything) {
  const Json json = full_config().to_json();
  const auto parsed = parse_json(json.dump());
  ASSERT_TRUE(parsed);
  const auto read = ContainerConfig::from_json(*parsed);
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->to_json(), json);
  EXPECT_EQ(read->ports, full_config().ports);
  ASSERT_TRUE(read->entrypoint) << "an empty entrypoint is not the image's";
  EXPECT_EQ(std::get<power::HostDevice>(read->isolation.powers[2]).permissions, "r");
}

TEST(ContainerConfigJson, TakesDefaultsForWhatIsMissingAndPassesOverTheUnknown) {
  const auto read = ContainerConfig::from_json(*parse_json(R"({"image":"a","later":[1]})"));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->network_mode, "bridge");
  EXPECT_FALSE(read->entrypoint);
  EXPECT_EQ(read->to_json(),
            [] {
              ContainerConfig config;
              config.image = "a";
              return config;
            }()
                .to_json());
}

TEST(ContainerConfigJson, NamesTheMemberThatIsWrong) {
  for (const auto& [text, member] : std::vector<std::pair<std::string, std::string>>{
           {R"([])", "(document)"},
           {R"({"tty":1})", "tty"},
           {R"({"mounts":[{},{"access":"x"}]})", "mounts[1].access"},
           {R"({"limits":{"memory":-1}})", "limits.memory"},
           {R"({"ports":[{"host_port":65536}]})", "ports[0].host_port"},
           {R"({"labels":[["a"]]})", "labels[0]"},
           {R"({"isolation":{"powers":[{"power":"fly"}]}})", "power \"fly\""}}) {
    const auto read = ContainerConfig::from_json(*parse_json(text));
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code(), ErrorCode::kCorrupt);
    EXPECT_EQ(read.error().text(), "read container config: wrong value of " + member);
  }
}

TEST(RestartPolicyText, FollowsDocker) {
  for (const char* text : {"no", "on-failure", "on-failure:3", "always", "unless-stopped"})
    EXPECT_EQ(RestartPolicy::parse(text)->str(), text);
  EXPECT_EQ(RestartPolicy::parse("")->str(), "no");
  for (const char* text : {"never", "always:3", "on-failure:x", "on-failure:-1"})
    EXPECT_FALSE(RestartPolicy::parse(text)) << text;
}

}  // namespace
}  // namespace slipway::sandbox
