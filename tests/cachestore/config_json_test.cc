// Image documents from outside: what is read, what is refused, and times.
#include "cachestore/image/config_json.h"

#include <gtest/gtest.h>

namespace slipway::cachestore {
namespace {

const std::string kDiffId = "sha256:" + std::string(64, 'a');

std::string config_with(const std::string& members) {
  return R"({"architecture":"amd64","os":"linux",)" + members +
         R"("rootfs":{"type":"layers","diff_ids":[")" + kDiffId + R"("]}})";
}

TEST(ImageConfig, ReadsWhatRunsAndIgnoresWhatItDoesNotKnow) {
  const auto parsed = parse_config(
      config_with(R"("x":[1],"config":{"User":"app","Env":["A=1"],"Cmd":null,"Volumes":{"/d":{}},
                     "ExposedPorts":{"80/tcp":{}},"Labels":{"k":"v"},"StopSignal":"SIGINT","Y":2},)"),
      "test");
  ASSERT_TRUE(parsed) << parsed.error().text();
  EXPECT_EQ(parsed->config.user, "app");
  EXPECT_EQ(parsed->config.env, std::vector<std::string>{"A=1"});
  EXPECT_TRUE(parsed->config.cmd.empty());
  EXPECT_EQ(parsed->config.volumes, std::vector<std::string>{"/d"});
  EXPECT_EQ(parsed->config.exposed_ports, std::vector<std::string>{"80/tcp"});
  EXPECT_EQ(parsed->config.stop_signal, "SIGINT");
  EXPECT_EQ(parsed->diff_ids.front().str(), kDiffId);
}

TEST(ImageConfig, RefusesWrongShapesByName) {
  const std::pair<std::string, const char*> cases[] = {
      {R"("config":[],)", "config must be an object"},
      {R"("config":{"Env":"A=1"},)", "Env must be a list of strings"},
      {R"("config":{"Env":["A\u0000"]},)", "Env must be a list of strings"},
      {R"("config":{"User":5},)", "User must be a string"},
      {R"("config":{"WorkingDir":"/a\u0000b"},)", "NUL"},
      {R"("config":{"Volumes":["/d"]},)", "Volumes must be an object"},
  };
  for (const auto& [members, cause] : cases) {
    const auto parsed = parse_config(config_with(members), "test");
    ASSERT_FALSE(parsed) << cause;
    EXPECT_NE(parsed.error().text().find(cause), std::string::npos) << parsed.error().text();
  }
  EXPECT_FALSE(parse_config("[]", "test"));
  EXPECT_FALSE(parse_config(R"({"rootfs":{"type":"tar","diff_ids":[]}})", "test"));
  EXPECT_FALSE(parse_config(R"({"rootfs":{"type":"layers","diff_ids":["sha256:x"]}})", "test"));
}

TEST(ImageConfig, EverythingSurvivesBeingWrittenAgain) {
  const std::string text =
      R"({"created":"2024-01-18T12:34:56.123456789Z","author":"me",)"
      R"("comment":"c","architecture":"arm","variant":"v7","os":"linux",)"
      R"("os.version":"10.0","config":{"User":"app","ExposedPorts":{"80/tcp":{}},)"
      R"("Env":["A=1"],"Entrypoint":["/e"],"Cmd":["c"],"Healthcheck":{"Test":)"
      R"(["CMD-SHELL","true"],"Interval":30000000000,"Timeout":1000000,)"
      R"("StartPeriod":5,"StartInterval":6,"Retries":3},"ArgsEscaped":true,)"
      R"("Volumes":{"/d":{}},"WorkingDir":"/w","OnBuild":["RUN x"],)"
      R"("Labels":{"k":"v"},"StopSignal":"SIGINT","Shell":["/bin/bash","-c"],)"
      R"("Hostname":"h"},"rootfs":{"type":"layers","diff_ids":[")" +
      kDiffId +
      R"("]},"history":[{"created":"2024-01-18T12:34:56Z","created_by":"RUN x",)"
      R"("author":"me","comment":"b"},{"created_by":"CMD","empty_layer":true}],)"
      R"("docker_version":"28.0","os.features":["win32k"]})";
  const auto parsed = parse_config(text, "test");
  ASSERT_TRUE(parsed) << parsed.error().text();
  EXPECT_EQ(make_config(parsed->config, parsed->diff_ids), text);
}

TEST(ImageConfig, HoldsNoMoreUnknownMembersThanListItems) {
  std::string members;
  for (int i = 0; i < 10'001; ++i) members += "\"m" + std::to_string(i) + "\":1,";
  EXPECT_FALSE(parse_config(config_with(members), "test"));
}

TEST(Rfc3339, ReadsOffsetsAndFractions) {
  const auto utc = parse_rfc3339("2024-02-29T12:00:00.5Z");
  ASSERT_TRUE(utc);
  EXPECT_EQ(format_rfc3339(*utc), "2024-02-29T12:00:00.500Z");
  const auto east = parse_rfc3339("2024-02-29T14:30:00.500123456+02:30");
  ASSERT_TRUE(east);
  EXPECT_EQ(format_nanos(*east), "2024-02-29T12:00:00.500123456Z");
  EXPECT_EQ(parse_rfc3339("2024-02-29T07:00:00.5-05:00"), utc);
}

TEST(Rfc3339, RefusesWhatIsNoTimeOrBeyondTheClock) {
  for (const char* text :
       {"", "yesterday", "2024-02-30T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:00:00",
        "2024-01-01T00:00:00+25:00", "2024-01-01 00:00:00Z", "0001-01-01T00:00:00Z",
        "3292-11-24T01:08:56Z"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

}  // namespace
}  // namespace slipway::cachestore
