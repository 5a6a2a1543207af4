// docs/dockerfile.md says what is true: its Dockerfile is one, and it names every check.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "pipeline/dockerfile_checks.h"
#include "tests/support/paths.h"

namespace slipway::pipeline {
namespace {

std::string page() {
  std::ifstream in(std::string(testing::source_dir()) + "/docs/dockerfile.md");
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

TEST(DockerfileDocs, TheExampleIsAGoodDockerfile) {
  const std::string text = page();
  const std::string fence = "```Dockerfile\n";
  const std::size_t begin = text.find(fence);
  ASSERT_NE(begin, std::string::npos);
  const std::size_t from = begin + fence.size();
  const Dockerfile file =
      parse_dockerfile({"Dockerfile", text.substr(from, text.find("```", from) - from)});
  EXPECT_TRUE(file.diagnostics.empty()) << render(file.diagnostics, file.sources, Colour::kNo);
  EXPECT_EQ(file.stages.size(), 2U);
}

TEST(DockerfileDocs, EveryCheckIsNamed) {
  const std::string text = page();
  for (const std::string& rule : lint_rule_names())
    EXPECT_NE(text.find("`" + rule + "`"), std::string::npos) << rule;
}

TEST(DockerfileDocs, TheErrorLooksAsShown) {
  const Dockerfile file =
      parse_dockerfile({"Dockerfile", "FROM a AS build\nRUN x\nCOPY --form=build /app /app\n"});
  std::istringstream lines(render(file.diagnostics, file.sources, Colour::kNo));
  const std::string text = page();
  for (std::string line; std::getline(lines, line);)
    EXPECT_NE(text.find("    " + line + "\n"), std::string::npos) << line;
}

}  // namespace
}  // namespace slipway::pipeline
