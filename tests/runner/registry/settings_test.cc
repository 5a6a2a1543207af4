// registries.json, its variables and options.
#include "runner/registry/settings.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "base/files.h"

namespace slipway::runner {
namespace {

using cachestore::RegistryOptions;

Variables variables_of(std::map<std::string, std::string> set) {
  return [set = std::move(set)](const std::string& name) -> std::optional<std::string> {
    const auto entry = set.find(name);
    return entry == set.end() ? std::nullopt : std::optional(entry->second);
  };
}

class SettingsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto made = TempDir::make("/tmp", "settings-test-");
    ASSERT_TRUE(made);
    directory_ = std::make_unique<TempDir>(std::move(*made));
  }
  Result<RegistryOptions> options_of(const std::string& file,
                                     std::map<std::string, std::string> variables = {},
                                     const std::vector<std::string>& insecure = {}) {
    const std::string path = directory_->path() + "/registries.json";
    std::ofstream(path) << file;
    return registry_options({{path, directory_->path() + "/missing.json"}},
                            variables_of(std::move(variables)), insecure);
  }
  std::string error_of(const std::string& file, std::map<std::string, std::string> variables = {}) {
    const auto options = options_of(file, std::move(variables));
    if (options) return "no error";
    const std::string prefix = "read " + directory_->path() + "/registries.json: ";
    const std::string& text = options.error().text();
    return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
  }

 private:
  std::unique_ptr<TempDir> directory_;
};

TEST_F(SettingsTest, AddsUpFileVariablesAndOptions) {
  const auto options = options_of(
      R"({"insecure-registries": ["10.0.0.0/8", "Lab:5000"], "registry-mirrors": ["https://m1/"],
          "mirrors": {"ghcr.io": ["https://m2/ghcr"]}, "certificate-directories": ["/certs"]})",
      {{"RUNNER_INSECURE_REGISTRIES", "a:1, b"},
       {"RUNNER_REGISTRY_MIRRORS", "http://m3:5000 quay.io=https://m4?x=y"},
       {"XDG_CONFIG_HOME", "/x"}},
      {"http://c:2/"});
  ASSERT_TRUE(options) << options.error().text();
  EXPECT_EQ(options->insecure,
            (std::set<std::string>{"10.0.0.0/8", "lab:5000", "a:1", "b", "c:2"}));
  EXPECT_EQ(options->mirrors.at("docker.io"),
            (std::vector<std::string>{"https://m1", "http://m3:5000"}));
  EXPECT_EQ(options->mirrors.at("ghcr.io"), std::vector<std::string>{"https://m2/ghcr"});
  EXPECT_EQ(options->mirrors.at("quay.io"), std::vector<std::string>{"https://m4?x=y"});
  EXPECT_EQ(options->certificate_directories[0], "/certs");
  EXPECT_EQ(options->certificate_directories[1], "/x/slipway/certs.d");
  EXPECT_EQ(options->certificate_directories.back(), "/etc/containers/certs.d");
}

TEST_F(SettingsTest, NamesWhatIsWrongAndWhere) {
  EXPECT_EQ(error_of(R"({"insecure-registry": []})"),
            "unknown setting \"insecure-registry\"; did you mean \"insecure-registries\"?");
  EXPECT_EQ(error_of(R"({"insecure-registries": "x"})"),
            "insecure-registries: expected a list of strings");
  EXPECT_EQ(error_of(R"({"insecure-registries": ["10.0.0.0/99999"]})"),
            "insecure-registries: insecure registry \"10.0.0.0/99999\": expected HOST[:PORT] or "
            "ADDRESS/BITS");
  EXPECT_EQ(error_of(R"({"mirrors": {"ghcr.io": ["mirror"]}})"),
            "mirrors: mirror \"mirror\": expected a URL such as https://mirror.example");
  EXPECT_EQ(error_of("[]"), "expected a JSON object");
  EXPECT_EQ(error_of("{}", {{"RUNNER_REGISTRY_MIRRORS", "ftp://x"}}),
            "RUNNER_REGISTRY_MIRRORS: mirror \"ftp://x\": expected a URL such as "
            "https://mirror.example");
}

TEST_F(SettingsTest, LooksInTheMachinesAndThePersonsPlace) {
  EXPECT_EQ(RegistrySettings::of(variables_of({{"HOME", "/h"}})).files,
            (std::vector<std::string>{"/etc/slipway/registries.json",
                                      "/h/.config/slipway/registries.json"}));
}

}  // namespace
}  // namespace slipway::runner
