// Every tests/golden/pipeline/*.yml is compiled; what a person sees is kept beside it as .txt.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "pipeline/compile.h"
#include "pipeline/schema.h"
#include "tests/support/golden.h"
#include "tests/support/paths.h"

namespace slipway::pipeline {
namespace {

const std::filesystem::path kFolder =
    std::filesystem::path(testing::source_dir()) / "tests/golden/pipeline";

std::string slurp(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(kFolder))
    if (file.path().extension() == ".yml") names.push_back(file.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

class GoldenDiagnostics : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenDiagnostics, ShowWhatIsWrongAndWhatToDo) {
  CompileRequest request;
  request.file = {GetParam() + ".yml", slurp(kFolder / (GetParam() + ".yml"))};
  request.include = [](const std::string& path) -> Result<SourceFile> {
    if (!std::filesystem::exists(kFolder / path))
      return fail(ErrorCode::kNotFound, "open " + path + ": no such file or directory");
    return SourceFile{path, slurp(kFolder / path)};
  };
  const Compiled compiled = compile(request);
  EXPECT_EQ(compiled.plan.has_value(), !has_errors(compiled.diagnostics));
  testing::expect_golden("pipeline/" + GetParam() + ".txt",
                         render(compiled.diagnostics, compiled.sources, Colour::kNo));
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenDiagnostics, ::testing::ValuesIn(golden_names()),
                         [](const auto& instance) { return instance.param; });

TEST(JsonSchema, InConfigsIsWhatTheTablesSay) {
  testing::expect_golden("../../configs/pipeline.schema.json", json_schema());
}

TEST(Diagnostics, ColourMarksSeverityAndCaret) {
  const SourceSet sources{{"a.yml", "kye: 1\n"}};
  const std::vector<Diagnostic> found{
      {Severity::kWarning, {0, 1, 1, 1, 4}, "odd key", "write key", {}}};
  EXPECT_EQ(render(found, sources, Colour::kYes),
            "\x1b[1ma.yml:1:1: \x1b[0m\x1b[1;35mwarning: \x1b[0m\x1b[1modd key\x1b[0m\n"
            "  kye: 1\n"
            "  \x1b[1;32m^~~\x1b[0m\n"
            "  \x1b[1;36mhelp: \x1b[0mwrite key\n");
}

TEST(Diagnostics, JsonCarriesPlaceHelpAndNotes) {
  const SourceSet sources{{"a.yml", "a: 1\na: 2\n"}};
  const std::vector<Diagnostic> found{
      {Severity::kError, {0, 2, 1, 2, 2}, "twice", "once", {{{0, 1, 1, 1, 2}, "first"}}}};
  const Json json = to_json(found, sources);
  ASSERT_EQ(json.items().size(), 1u);
  EXPECT_EQ(json.items()[0]["severity"].string_or(""), "error");
  EXPECT_EQ(json.items()[0]["file"].string_or(""), "a.yml");
  EXPECT_EQ(json.items()[0]["line"].int_or(0), 2);
  EXPECT_EQ(json.items()[0]["column"].int_or(0), 1);
  EXPECT_EQ(json.items()[0]["help"].string_or(""), "once");
  EXPECT_EQ(json.items()[0]["notes"].items()[0]["line"].int_or(0), 1);
}

TEST(Diagnostics, LongLinesAreCutAroundTheCaret) {
  const SourceSet sources{
      {"a.yml", std::string(300'000, 'x') + "HERE" + std::string(300'000, 'y')}};
  const std::vector<Diagnostic> found{
      {Severity::kError, {0, 1, 300'001, 1, 300'005}, "this", "", {}}};
  EXPECT_EQ(render(found, sources, Colour::kNo),
            "a.yml:1:300001: error: this\n  …" + std::string(33, 'x') + "HERE" +
                std::string(63, 'y') + "…\n  " + std::string(34, ' ') + "^~~~\n");
}

TEST(Diagnostics, WhatHasNoPlaceComesLast) {
  const SourceSet sources{{"a.yml", "a\n"}};
  const std::vector<Diagnostic> found{{Severity::kError, {}, "nowhere", "", {}},
                                      {Severity::kError, {0, 1, 1, 1, 2}, "here", "", {}}};
  EXPECT_EQ(render(found, sources, Colour::kNo),
            "a.yml:1:1: error: here\n  a\n  ^\nerror: nowhere\n");
}

TEST(Diagnostics, TabsAndWideCharactersKeepTheCaretInItsColumn) {
  const SourceSet sources{{"a.yml", "\t\xe6\x97\xa5 x\n"}};
  const std::vector<Diagnostic> found{{Severity::kError, {0, 1, 6, 1, 7}, "here", "", {}}};
  EXPECT_EQ(render(found, sources, Colour::kNo),
            "a.yml:1:6: error: here\n"
            "      \xe6\x97\xa5 x\n"
            "         ^\n");
}

}  // namespace
}  // namespace slipway::pipeline
