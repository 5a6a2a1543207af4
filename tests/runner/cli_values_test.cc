// Templates, tables, assignments and image changes: the small languages of the command line.
#include <gtest/gtest.h>

#include <fstream>

#include "base/files.h"
#include "base/json.h"
#include "runner/cli/assignment.h"
#include "runner/cli/import_progress.h"
#include "runner/cli/relative_time.h"
#include "runner/cli/template.h"
#include "runner/image_change.h"

namespace slipway::runner {
namespace {

std::string rendered(const std::string& text) {
  const Json item = Json::object(
      {{"Repository", "alpine"},
       {"Tag", "3"},
       {"Size", 7},
       {"Config", Json::object({{"Env", Json::array({"A=1", "B=2"})}, {"User", ""}})}});
  Result<FormatTemplate> parsed = FormatTemplate::parse(text);
  if (!parsed) return parsed.error().text();
  Result<std::string> out = parsed->render(item);
  return out ? *out : out.error().text();
}

TEST(FormatTemplate, PrintsFieldsAndFunctions) {
  EXPECT_EQ(rendered("{{.Repository}}:{{ .Tag }}"), "alpine:3");
  EXPECT_EQ(rendered("{{json .Config.Env}}"), R"(["A=1","B=2"])");
  EXPECT_EQ(rendered("{{.Config.Env}} {{.Config}}"), "[A=1 B=2] map[Env:[A=1 B=2] User:]");
  EXPECT_EQ(rendered("{{join .Config.Env \", \"}}"), "A=1, B=2");
  EXPECT_EQ(rendered("{{.Repository | upper | html}}"),
            "parse template: 1:25: unknown function \"html\"");
  EXPECT_EQ(rendered("{{ .Repository | upper }}-{{len .Config.Env}}-{{index .Config.Env 1}}"),
            "ALPINE-2-B=2");
}

TEST(FormatTemplate, ReadsWhatADocumentLeavesOutAsNull) {
  EXPECT_EQ(rendered("{{json .Config.Cmd}} {{.Config.Cmd}} {{len .Config.Cmd}}"),
            "null <no value> 0");
}

TEST(FormatTemplate, RunsBlocks) {
  EXPECT_EQ(rendered("{{range .Config.Env}}<{{.}}>{{end}}"), "<A=1><B=2>");
  EXPECT_EQ(rendered("{{if .Config.User}}user{{else}}root{{end}}"), "root");
  EXPECT_EQ(rendered("{{with .Config}}{{index .Env 0}}{{end}}"), "A=1");
  EXPECT_EQ(rendered("{{if eq (len .Config.Env) 2}}two{{end}}"), "two");
  EXPECT_EQ(rendered("a {{- .Tag -}} b"), "a3b");
}

// What docker's manual and people's scripts ask of inspect.
TEST(FormatTemplate, TakesFieldsOfParentheses) {
  const char* ports =
      R"({"NetworkSettings": {"Ports": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}],
      "443/tcp": null}, "Networks": {"b": {"IPAddress": "10.0.0.2"}, "a": {"IPAddress": "10.0.0.1"}}}})";
  const auto of = [&](std::string_view text) {
    const auto parsed = FormatTemplate::parse(text);
    if (!parsed) return parsed.error().text();
    const auto out = parsed->render(*parse_json(ports));
    return out ? *out : out.error().text();
  };
  EXPECT_EQ(of(R"({{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}})"), "8080");
  EXPECT_EQ(of("{{range $p, $conf := .NetworkSettings.Ports}}{{if $conf}}{{$p}} -> "
               "{{(index $conf 0).HostPort}} {{end}}{{end}}"),
            "80/tcp -> 8080 ");
  EXPECT_EQ(
      of("{{range $name, $net := .NetworkSettings.Networks}}{{$name}}={{$net.IPAddress}} {{end}}"),
      "a=10.0.0.1 b=10.0.0.2 ");
  EXPECT_EQ(of("{{with $n := .NetworkSettings}}{{len $n.Networks}}{{end}}"), "2");
  EXPECT_EQ(of("{{range .NetworkSettings.Networks}}{{len $.NetworkSettings.Ports}}{{end}}"), "22");
}

TEST(FormatTemplate, HasVariablesElseIfAndComments) {
  EXPECT_EQ(rendered("{{$x := .Tag}}{{$x}}{{$x = .Size}}{{$x}}"), "37");
  EXPECT_EQ(rendered("{{range $i, $e := .Config.Env}}{{if $i}},{{end}}{{$i}}:{{$e}}{{end}}"),
            "0:A=1,1:B=2");
  EXPECT_EQ(
      rendered("{{if eq .Tag \"1\"}}one{{else if eq .Tag \"2\" \"3\"}}more{{else}}none{{end}}!"),
      "more!");
  EXPECT_EQ(rendered("{{if false}}a{{else if false}}b{{else}}c{{end}}"), "c");
  EXPECT_EQ(rendered("a{{/* nothing */}}b {{- /* at all */ -}} c"), "abc");
  EXPECT_EQ(rendered("{{$y}}"), "evaluate template: no variable $y");
  EXPECT_EQ(rendered("{{if $x := .Tag}}{{end}}{{$x}}"), "evaluate template: no variable $x");
  EXPECT_EQ(rendered("{{$a, $b := .Tag}}"),
            "parse template: 1:12: two variables are for range only");
}

TEST(FormatTemplate, PrintsAsGoDoes) {
  EXPECT_EQ(
      rendered(R"({{printf "%s-%-5s|%5s|%05d|%x|%q|%v|%%" .Tag "ab" "cd" .Size 255 "q" true}})"),
      "3-ab   |   cd|00007|ff|\"q\"|true|%");
  EXPECT_EQ(rendered(R"({{.Repository | printf "%.3s:%s"}})"), "alp:%!s(MISSING)");
  EXPECT_EQ(rendered(R"({{printf "%d" .Tag}} {{printf "x" 1}})"), "%!d(3) x%!(EXTRA 1)");
  EXPECT_EQ(rendered(R"({{pad .Tag 1 2}}|{{truncate .Repository 3}}|{{slice .Repository 1 3}})"),
            " 3  |alp|lp");
  EXPECT_EQ(rendered("{{if gt .Size 6}}big{{end}}{{if lt .Size 7}}small{{end}}"), "big");
  EXPECT_EQ(rendered(R"({{printf "%999999999999d" .Size}})").size(), 1000U);
}

TEST(FormatTemplate, FindsLabelsAsDockersMethodDoes) {
  const Json item = Json::object({{"Labels", "a=1,b=x,y,c=z"}});
  const auto of = [&](std::string_view text) {
    const auto out = FormatTemplate::parse(text)->render(item);
    return out ? *out : out.error().text();
  };
  EXPECT_EQ(of(R"({{.Label "b"}}|{{.Label "a"}}|{{.Label "no"}}|{{.Label "c"}})"), "x,y|1||z");
  EXPECT_EQ(of(R"({{.Other "b"}})"),
            "evaluate template: .Other is no method; the only one is .Label \"KEY\"");
}

TEST(FormatTemplate, NamesWhatIsWrong) {
  EXPECT_EQ(rendered("{{.Repositry}}"),
            "evaluate template: no field .Repositry; did you mean .Repository?");
  EXPECT_EQ(rendered("{{if .Tag}}x"), "parse template: 1:13: {{end}} is missing");
  EXPECT_EQ(rendered("{{.Tag"), "parse template: 1:7: }} is missing");
  EXPECT_EQ(rendered("{{end}}"), "parse template: 1:8: {{end}} without a beginning");
  EXPECT_EQ(rendered("{{\"x}}"), "parse template: 1:7: a string is not closed");
  EXPECT_EQ(rendered("{{index .Config.Env 9}}"), "evaluate template: index 9 is out of range");
}

TEST(FormatTemplate, RefusesBottomlessNesting) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += "{{if .Tag}}";
  EXPECT_NE(rendered(text).find("nested too deeply"), std::string::npos);
  EXPECT_NE(rendered("{{" + std::string(10'000, '(')).find("nested too deeply"), std::string::npos);
}

TEST(FormatItems, AlignsTablesByDisplayWidth) {
  const std::vector<Json> items{Json::object({{"A", "x"}, {"B", "1"}}),
                                Json::object({{"A", "語言"}, {"B", "2"}})};
  const auto table =
      format_items("table {{.A}}\\t{{.B}}", Json::object({{"A", "NAME"}, {"B", "N"}}), items);
  ASSERT_TRUE(table.has_value());
  EXPECT_EQ(*table, "NAME   N\nx      1\n語言   2\n");
}

Environment shell() {
  return [](const std::string& name) -> std::optional<std::string> {
    if (name == "HERE") return "value";
    return std::nullopt;
  };
}

TEST(Assignment, TakesTheShellsValueForABareName) {
  EXPECT_EQ(**parse_assignment("HERE", shell()), Assignment("HERE", "value"));
  EXPECT_FALSE(parse_assignment("NOT_HERE", shell())->has_value());
  EXPECT_EQ(**parse_assignment("A=b=c", shell()), Assignment("A", "b=c"));
  EXPECT_FALSE(parse_assignment("=x", shell()).has_value());
}

TEST(EnvFile, ReadsDockersForm) {
  const TempDir dir = *TempDir::make("/tmp", "cli-test-");
  const std::string path = dir.path() + "/env";
  std::ofstream(path) << "# comment\n\n  A=1\nB=two words\r\nHERE\nNOT_HERE\n";
  const auto read = read_env_file(path, shell());
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(*read, (std::vector<Assignment>{{"A", "1"}, {"B", "two words"}, {"HERE", "value"}}));
  std::ofstream(path) << "A B=1\n";
  EXPECT_EQ(read_env_file(path, shell()).error().text(),
            path + ":1: parse \"A B\": white space in the name");
}

TEST(ImageChange, ReadsDockerfileInstructions) {
  cachestore::ImageConfig config;
  for (const char* change : {"CMD [\"a\", \"b c\"]", "entrypoint run me", "ENV A=1 B=\"2 3\"",
                             "ENV OLD form", "ENV A=9", "USER me", "WORKDIR /srv", "WORKDIR sub",
                             "EXPOSE 80 53/udp", "LABEL k=v", "VOLUME [\"/data\"]"}) {
    const Status applied = apply_change(change, config);
    EXPECT_TRUE(applied.has_value()) << change << (applied ? "" : applied.error().text());
  }
  EXPECT_EQ(config.cmd, (std::vector<std::string>{"a", "b c"}));
  EXPECT_EQ(config.entrypoint, (std::vector<std::string>{"/bin/sh", "-c", "run me"}));
  EXPECT_EQ(config.env, (std::vector<std::string>{"B=2 3", "OLD=form", "A=9"}));
  EXPECT_EQ(config.user, "me");
  EXPECT_EQ(config.working_dir, "/srv/sub");
  EXPECT_EQ(config.exposed_ports, (std::vector<std::string>{"80/tcp", "53/udp"}));
  EXPECT_EQ(config.volumes, std::vector<std::string>{"/data"});
}

TEST(ImageChange, NamesWhatIsWrong) {
  cachestore::ImageConfig config;
  EXPECT_EQ(apply_change("CDM x", config).error().text(),
            "parse change \"CDM x\": unknown instruction; did you mean cmd?");
  EXPECT_EQ(apply_change("USER", config).error().text(),
            "parse change \"USER\": nothing after the instruction");
  EXPECT_EQ(apply_change("ENV 'A=1", config).error().text(),
            "parse change \"ENV 'A=1\": a quote is not closed");
}

TEST(RelativeTime, CountsAsDocker) {
  const WallTime now{};
  const auto ago = [&](std::int64_t seconds) {
    return relative_time(now - std::chrono::seconds(seconds), now);
  };
  EXPECT_EQ(ago(0), "Less than a second ago");
  EXPECT_EQ(ago(1), "1 second ago");
  EXPECT_EQ(ago(3'600 * 47), "47 hours ago");
  EXPECT_EQ(ago(86'400 * 15), "2 weeks ago");
  EXPECT_EQ(ago(86'400 * 800), "2 years ago");
}

TEST(ImportProgress, SaysRateAndTimeLeftWhenTheyAreKnown) {
  const std::string half = ImportProgressLine::text({50 << 20, 100 << 20, 1}, Millis(5'000));
  EXPECT_EQ(half, "50 MiB of 100 MiB  10 MiB/s  5.0s left");
  EXPECT_EQ(ImportProgressLine::text({0, 0, 0}, Millis(0)), "0 B");
}

}  // namespace
}  // namespace slipway::runner
