// Drawings, lists and previews of compiled pipelines.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "base/text.h"
#include "pipeline/compile.h"
#include "pipeline/yaml/parse.h"
#include "tests/support/golden.h"

namespace slipway::pipeline {
namespace {

using testing::expect_golden;

Compiled compiled(std::string text) {
  CompileRequest request;
  request.file = {"ci.yml", std::move(text)};
  Compiled result = compile(request);
  EXPECT_TRUE(result.plan) << render(result.diagnostics, result.sources, Colour::kNo);
  return result;
}

std::string drawn(const std::string& text, Unicode unicode = Unicode::kYes) {
  const Compiled result = compiled(text);
  return result.plan ? draw_graph(*result.plan, GraphFormat::kTerminal, unicode) : "";
}

// "a: b c" -> a job a that needs b and c.
std::string jobs(const std::vector<std::string>& lines) {
  std::string text = "jobs:\n";
  for (const std::string& line : lines) {
    const std::vector<std::string_view> sides = split(line, ':');
    text += "  " + std::string(sides[0]) + ":\n    steps: [make]\n    needs: [";
    bool first = true;
    for (const std::string_view need : split(trim(sides[1]), ' ')) {
      if (need.empty()) continue;
      text += (first ? "" : ", ") + std::string(need);
      first = false;
    }
    text += "]\n";
  }
  return text;
}

const char* const kFull = R"(name: full
on: { manual: { inputs: { level: { default: fast } } } }
env: { COLOR: "1", LEVEL: "${{ inputs.level }}" }
jobs:
  lint:
    image: alpine:3.19
    steps: [make lint]
  build:
    image: { name: "gcc:${{ matrix.v }}", pull: always }
    needs: [lint]
    matrix:
      v: ["12", "13"]
    env:
      COLOR: "2"
      CC: "gcc-${{ matrix.v }}"
      WHERE: "${{ branch }}-${{ matrix.v }}"
    resources: { cpus: 1.5, memory: 512m }
    timeout: 20m
    steps:
      - make "it's"
      - name: tests
        id: tests
        run: |
          ./run --x
            indented

          echo "count=42" >> "$SLIPWAY_OUTPUT"
        if: changed('src/**')
        timeout: 5m
      - { run: ./cleanup, always: true }
    outputs: { count: "${{ steps.tests.count }}" }
    artifacts: { paths: ["dist/**"], expire: 7d }
  notify:
    needs: [build, { job: lint, optional: true, artifacts: false }]
    always: true
    services:
      db: { image: postgres:16, env: { P: x }, ready: { tcp: 5432, within: 30s } }
    cache:
      - { key: "npm-${{ hash('lock') }}", fallback: [npm-], paths: [node_modules] }
    steps: ["echo ${{ needs.build.result }}"]
)";

TEST(DrawGraph, AChainIsStraight) {
  EXPECT_EQ(drawn(jobs({"a:", "b: a", "c: b"})), "●  a\n│\n●  b\n│\n●  c\n");
}

TEST(DrawGraph, ADiamondForksAndJoins) {
  EXPECT_EQ(drawn(jobs({"a:", "b: a", "c: a", "d: b c"})),
            "●  a\n"
            "│\n"
            "├─●  b\n"
            "● │  c\n"
            "│ │\n"
            "●─╯  d\n");
}

TEST(DrawGraph, ACrossingIsNoJoint) {
  EXPECT_EQ(drawn(jobs({"a:", "b:", "c:", "d: a c", "e: b"})),
            "●  a\n"
            "│ ●  b\n"
            "│ │ ●  c\n"
            "│ │ │\n"
            "●─│─╯  d\n"
            "  ●  e\n");
}

TEST(DrawGraph, JobsWithoutNeedsStandAlone) {
  EXPECT_EQ(drawn(jobs({"a:", "b:"})), "●  a\n●  b\n");
}

TEST(DrawGraph, AsciiHasTheSameShape) {
  EXPECT_EQ(drawn(jobs({"a:", "b: a", "c: a", "d: b c"}), Unicode::kNo),
            "*  a\n"
            "|\n"
            "+-*  b\n"
            "* |  c\n"
            "| |\n"
            "*-'  d\n");
}

TEST(DrawGraph, ALargeMatrixIsOneNode) {
  EXPECT_EQ(drawn("jobs:\n"
                  "  test: { matrix: { n: [1, 2, 3, 4] }, steps: [x] }\n"
                  "  small: { matrix: { n: [1, 2] }, steps: [x] }\n"
                  "  end: { needs: [test, small], steps: [x] }\n"),
            "●  test (x4)\n"
            "│ ●  small (1)\n"
            "│ │ ●  small (2)\n"
            "│ │ │\n"
            "●─┴─╯  end\n");
}

TEST(DrawGraph, ManyAlikeJobsShareALine) {
  std::vector<std::string> lines{"first:"};
  std::string all;
  for (int i = 0; i < 48; ++i) {
    lines.push_back("job-" + std::to_string(i) + ": first");
    all += " job-" + std::to_string(i);
  }
  lines.push_back("last:" + all);
  EXPECT_EQ(drawn(jobs(lines)), "●  first\n│\n●  job-0, job-1, job-2 and 45 more\n│\n●  last\n");
}

// Reads an ASCII drawing back as a person does.
class Picture {
 public:
  explicit Picture(const std::string& text) {
    for (const std::string_view row : split(text, '\n')) rows_.emplace_back(row);
  }

  // Job -> the jobs whose strokes reach its line.
  std::map<std::string, std::set<std::string>> needs() const {
    std::map<std::string, std::set<std::string>> result;
    for (std::size_t y = 0; y < rows_.size(); ++y) {
      const std::size_t star = rows_[y].find('*');
      if (star == std::string::npos) continue;
      std::set<std::string>& found = result[job_at(y)];
      climb(y, star, found);
      for (std::size_t x = star; x >= 2 && cell(y, x - 1) == '-'; x -= 2) joint(y, x - 2, found);
      for (std::size_t x = star; cell(y, x + 1) == '-'; x += 2) joint(y, x + 2, found);
    }
    return result;
  }

 private:
  char cell(std::size_t y, std::size_t x) const { return x < rows_[y].size() ? rows_[y][x] : ' '; }
  std::string job_at(std::size_t y) const { return rows_[y].substr(rows_[y].find('j')); }
  void joint(std::size_t y, std::size_t x, std::set<std::string>& found) const {
    if (std::string_view("+'`").find(cell(y, x)) != std::string_view::npos) climb(y, x, found);
  }
  void climb(std::size_t y, std::size_t x, std::set<std::string>& found) const {
    for (std::size_t up = y; up-- > 0;) {
      // Two jobs right below each other are of one layer; a stroke lies between any two that are joined.
      if (cell(up, x) == '*' && up + 1 < y) found.insert(job_at(up));
      if (cell(up, x) != '|' && cell(up, x) != '+') return;
    }
  }

  std::vector<std::string> rows_;
};

TEST(DrawGraph, DrawsExactlyTheNeedsOfRandomGraphs) {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    std::vector<std::string> lines;
    std::map<std::string, std::set<std::string>> needs;
    for (std::size_t i = 0, count = 2 + random() % 20; i < count; ++i) {
      const std::string name = "j" + std::to_string(i);
      std::string line = name + ":";
      needs[name];
      for (std::size_t k = 0; k < i; ++k) {
        if (random() % 5 != 0) continue;
        needs[name].insert("j" + std::to_string(k));
        line += " j" + std::to_string(k);
      }
      lines.push_back(line);
    }
    const std::string picture = drawn(jobs(lines), Unicode::kNo);
    EXPECT_EQ(Picture(picture).needs(), needs) << picture;
  }
}

TEST(DrawGraph, GoldenFormats) {
  const Compiled result = compiled(kFull);
  ASSERT_TRUE(result.plan);
  expect_golden("graph/full.txt", draw_graph(*result.plan, GraphFormat::kTerminal));
  expect_golden("graph/full.dot", draw_graph(*result.plan, GraphFormat::kDot));
  expect_golden("graph/full.mmd", draw_graph(*result.plan, GraphFormat::kMermaid));
  expect_golden("graph/full.json", draw_graph(*result.plan, GraphFormat::kJson));
}

TEST(ListJobs, GoldenTable) {
  const Compiled result = compiled(kFull);
  ASSERT_TRUE(result.plan);
  expect_golden("graph/full.list", list_jobs(*result.plan));
  expect_golden("graph/full.list.json", list_jobs_json(*result.plan).pretty());
}

TEST(Preview, GoldenYamlAndJson) {
  const Compiled result = compiled(kFull);
  ASSERT_TRUE(result.plan);
  expect_golden("graph/full.preview.yml", preview(*result.plan, result.sources));
  expect_golden("graph/full.preview.json", preview_json(*result.plan, result.sources).pretty());
}

// Names and texts that would break a naive writer, and what they must look like.
Plan awkward_plan() {
  Plan plan;
  plan.name = "x\x1b[31m\"\\";
  JobPlan job;
  job.env.emplace_back();
  job.name = job.instance = "a\x1b[2J \"b\" <c>";
  for (const char* text :
       {"",       "true", "no", "1",       "0x1",   "- a", "a: b",  "a #b",
        "#",      "'",    "\"", "a\n b\n", "a\n\n", "\nx", "  x\n", "tab\there\nline",
        "\x1b\n", "é",    "x:", "~",       "&a",    "*a",  "!t",    "%",
        "@a",     "`",    "{",  "[",       "a,b",   "|",   ">",     "?",
        ": ",     "=",    "<<"}) {
    job.env[0].push_back({"V" + std::to_string(job.env[0].size()), Template(text), {}});
  }
  plan.jobs.push_back(job);
  return plan;
}

TEST(Preview, AwkwardTextsComeBackFromYaml) {
  const Plan plan = awkward_plan();
  const std::string text = preview(plan, {});
  std::vector<Diagnostic> found;
  const auto tree = yaml::parse({{"preview.yml", text}}, 0, found);
  ASSERT_TRUE(tree && found.empty()) << text;
  const Value back = yaml::to_value(*tree);
  const Value* job = back.find("jobs")->find(plan.jobs[0].instance);
  ASSERT_NE(job, nullptr);
  for (const EnvEntry& entry : plan.jobs[0].env[0]) {
    EXPECT_EQ(*job->find("env")->find(entry.name), Value(entry.value.source())) << entry.name;
  }
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  expect_golden("graph/awkward.preview.yml", text);
}

TEST(DrawGraph, ControlCharactersInNamesAreShownNotSent) {
  const Plan plan = awkward_plan();
  for (const GraphFormat format :
       {GraphFormat::kTerminal, GraphFormat::kDot, GraphFormat::kMermaid, GraphFormat::kJson}) {
    EXPECT_EQ(draw_graph(plan, format).find('\x1b'), std::string::npos);
  }
  EXPECT_EQ(list_jobs(plan).find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace slipway::pipeline
