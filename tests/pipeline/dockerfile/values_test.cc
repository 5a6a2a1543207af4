// What the words and flags of instructions mean.
#include <gtest/gtest.h>

#include "pipeline/dockerfile_values.h"

namespace slipway::pipeline {
namespace {

using List = std::vector<std::string>;
using namespace std::chrono_literals;

Instruction one(const std::string& text) {
  auto instruction = parse_instruction(text);
  EXPECT_TRUE(instruction) << instruction.error().text();
  return instruction ? *instruction : Instruction();
}

std::optional<std::string> lookup(std::string_view name) {
  if (name == "A") return "a";
  if (name == "S") return "x y";
  return std::nullopt;
}

Instruction expanded(const std::string& text) {
  auto out = expand_instruction(one(text), '\\', lookup);
  EXPECT_TRUE(out) << out.error().text();
  return out ? *out : Instruction();
}

TEST(ExpandInstruction, PutsVariablesWhereTheReferenceSays) {
  const Instruction copy =
      expanded("COPY --chown=$A --chmod=${M:-7} --from=x --exclude=$A $A/b '$A' <<E d\n$A\"\nE");
  EXPECT_EQ(copy.flag("chown")->value, "a");
  EXPECT_EQ(copy.flag("chmod")->value, "7");
  EXPECT_EQ(copy.flag("exclude")->value, "$A");
  EXPECT_EQ(copy.words, (List{"a/b", "$A", "d"}));
  EXPECT_EQ(copy.heredocs[0].content, "a\"\n");
  EXPECT_EQ(expanded("COPY <<'E' d\n$A\nE").heredocs[0].content, "$A\n");
  EXPECT_EQ(expanded("ENV $A=\"$S\"").assignments[0].name, "a");
  EXPECT_EQ(expanded("ENV $A=\"$S\"").assignments[0].value, "x y");
  EXPECT_EQ(expanded("EXPOSE $S 3").words, (List{"x", "y", "3"}));
  EXPECT_EQ(expanded("VOLUME $S").words, List{"x y"});
  EXPECT_EQ(expanded("WORKDIR /$A").words, List{"/a"});
  EXPECT_EQ(expanded("RUN echo $A").words, List{"echo $A"});
  EXPECT_EQ(expanded("CMD [\"$A\"]").words, List{"$A"});
}

TEST(ExpandInstruction, CollectsUnsetNames) {
  List unset;
  ASSERT_TRUE(expand_instruction(one("ADD $X ${Y:-$A} /"), '\\', lookup, &unset));
  EXPECT_EQ(unset, (List{"X", "Y"}));
  EXPECT_FALSE(expand_instruction(one("USER ${X:?}"), '\\', lookup));
}

TEST(RunScript, TakesHeredocsThreeWays) {
  EXPECT_EQ(run_script(one("RUN a b")).line, "a b");
  EXPECT_EQ(run_script(one("RUN <<E\na\nb\nE")).line, "a\nb\n");
  const RunScript file = run_script(one("RUN <<E\n#!/bin/awk\nx\nE"));
  ASSERT_TRUE(file.file);
  EXPECT_EQ(file.file->content, "#!/bin/awk\nx\n");
  EXPECT_EQ(file.file->name, "E");
  EXPECT_EQ(run_script(one("RUN cat <<-A <<B\n\tx\n\tA\ny\nB")).line, "cat <<-A <<B\nx\nA\ny\nB");
}

TEST(TriggerText, CanBeReadAgain) {
  const std::string text = trigger_text(one("ONBUILD COPY --link <<'E' a /x\n$b\nE"));
  EXPECT_EQ(text, "COPY --link <<'E' a /x\n$b\nE");
  EXPECT_EQ(one(text).heredocs[0].content, "$b\n");
}

TEST(ParseGoDuration, LikeGo) {
  EXPECT_EQ(parse_go_duration("1h2m3s4ms5us6ns"), 1h + 2min + 3s + 4ms + 5us + 6ns);
  EXPECT_EQ(parse_go_duration("1.5h"), 90min);
  EXPECT_EQ(parse_go_duration(".5s"), 500ms);
  EXPECT_EQ(parse_go_duration("-2µs"), -2us);
  EXPECT_EQ(parse_go_duration("0"), 0s);
  for (const char* bad : {"", "1", "s", "1x", "1.2.3s", ".s", "1 s", "-", "9999999h"})
    EXPECT_FALSE(parse_go_duration(bad)) << bad;
}

TEST(HealthcheckSettings, AreChecked) {
  const auto settings =
      healthcheck_settings(one("HEALTHCHECK --interval=1m --timeout=3s --start-period=0s "
                               "--start-interval=1s --retries=2 CMD a b"));
  ASSERT_TRUE(settings);
  EXPECT_EQ(settings->test, (List{"CMD-SHELL", "a b"}));
  EXPECT_EQ(settings->interval, 1min);
  EXPECT_EQ(settings->start_interval, 1s);
  EXPECT_EQ(settings->retries, 2);
  EXPECT_EQ(healthcheck_settings(one("HEALTHCHECK CMD [\"a\"]"))->test, (List{"CMD", "a"}));
  EXPECT_EQ(healthcheck_settings(one("HEALTHCHECK NONE"))->test, List{"NONE"});
  EXPECT_EQ(parse_instruction("HEALTHCHECK --interval=1us CMD a").error().text(),
            "parse instruction \"HEALTHCHECK --interval=1us CMD a\": --interval=1us: cannot be "
            "less than 1ms");
  EXPECT_FALSE(parse_instruction("HEALTHCHECK --timeout=1 CMD a"));
  EXPECT_FALSE(parse_instruction("HEALTHCHECK --retries=-1 CMD a"));
}

TEST(ParseExposed, MakesSinglePorts) {
  EXPECT_EQ(parse_exposed("80")->ports, List{"80/tcp"});
  EXPECT_EQ(parse_exposed("53/UDP")->ports, List{"53/udp"});
  EXPECT_TRUE(parse_exposed("53/UDP")->protocol_in_capitals);
  EXPECT_EQ(parse_exposed("80-82/sctp")->ports, (List{"80/sctp", "81/sctp", "82/sctp"}));
  EXPECT_EQ(parse_exposed("127.0.0.1:8080:80")->ports, List{"80/tcp"});
  EXPECT_TRUE(parse_exposed("8080:80")->names_host);
  EXPECT_EQ(parse_exposed("[::1]:1:80")->ports, List{"80/tcp"});
  for (const char* bad : {"", "x", "80/", "80/icmp", "-1", "65536", "82-80", "80-", "1.2.3:1:80",
                          "a:80", "/tcp", "8 0"})
    EXPECT_EQ(parse_exposed(bad).has_value(), std::string_view(bad) == "80/") << bad;
}

RunMount mount(std::string_view text) {
  const auto out = parse_run_mount(text, nullptr);
  EXPECT_TRUE(out) << out.error().text();
  return out ? *out : RunMount();
}

TEST(ParseRunMount, KnowsEveryTypeAndKey) {
  EXPECT_TRUE(mount("target=/x").read_only);
  EXPECT_EQ(mount("target=/x").type, RunMount::Type::kBind);
  EXPECT_FALSE(mount("type=bind,dst=/x,rw").read_only);
  EXPECT_TRUE(mount("type=bind,dst=/x,rw=false").read_only);
  const RunMount cache =
      mount("type=cache,target=/c,id=i,sharing=locked,from=s,src=/a,mode=0700,uid=1,gid=2");
  EXPECT_FALSE(cache.read_only);
  EXPECT_EQ(cache.sharing, RunMount::Sharing::kLocked);
  EXPECT_EQ(cache.from, "s");
  EXPECT_EQ(cache.source, "/a");
  EXPECT_EQ(cache.mode, 0700U);
  EXPECT_EQ(cache.gid, 2U);
  const RunMount secret = mount("type=secret,id=t,env=,required");
  EXPECT_EQ(secret.env, "");
  EXPECT_TRUE(secret.required);
  EXPECT_EQ(mount("type=tmpfs,target=/t,size=1m").size, ByteCount{1 << 20});
  EXPECT_EQ(mount("\"target=/a,b\",\"src=\"\"q\"\"\"").target, "/a,b");
  EXPECT_EQ(mount("\"target=/a,b\",\"src=\"\"q\"\"\"").source, "\"q\"");
}

TEST(ParseRunMount, SaysWhatIsWrong) {
  const auto error = [](std::string_view text) {
    return parse_run_mount(text, nullptr).error().text();
  };
  EXPECT_EQ(error("tpye=bind"), "unexpected key \"tpye\" in \"tpye=bind\" (did you mean type?)");
  EXPECT_EQ(error("type=cahce"),
            "unsupported mount type \"cahce\", not bind, cache, tmpfs, secret, ssh (did you mean "
            "cache?)");
  EXPECT_EQ(error("target"), "invalid field \"target\": must be a key=value pair");
  EXPECT_EQ(error("from=$X"),
            "\"from\" doesn't support variable expansion, define alias stage instead");
  EXPECT_EQ(error("type=bind,required"), "unexpected key \"required\" for mount type \"bind\"");
  EXPECT_EQ(error("type=secret"), "invalid secret mount: one of source, target required");
  for (const char* bad :
       {"type=secret,id=a,from=b", "type=secret,id=a,source=b", "type=cache,size=1", "mode=7",
        "type=cache,mode=8", "type=ssh,uid=x", "type=cache,sharing=x", "rw=maybe", "a\"b", "\"a",
        "\"a\"b", "", "type=tmpfs,size=x", "type=cache,uid=4294967296"})
    EXPECT_FALSE(parse_run_mount(bad, nullptr)) << bad;
}

TEST(RunSettings, AreReadTogether) {
  const auto expand = [](std::string_view text) { return expand_word(text, '\\', lookup); };
  const auto settings = run_settings(one("RUN --mount=target=/$A --network=none "
                                         "--security=insecure --device=vendor/x=y,required true"),
                                     expand);
  ASSERT_TRUE(settings) << settings.error().text();
  EXPECT_EQ(settings->mounts[0].target, "/a");
  EXPECT_EQ(settings->network, RunSettings::Network::kNone);
  EXPECT_TRUE(settings->insecure);
  EXPECT_EQ(settings->devices[0].name, "vendor/x=y");
  EXPECT_TRUE(settings->devices[0].required);
  for (const char* bad : {"RUN --network=hsot x", "RUN --security=x x", "RUN --mount=type=x x"})
    EXPECT_FALSE(parse_instruction(bad)) << bad;
}

TEST(ParsePlatformWord, TakesOneToThreeParts) {
  EXPECT_EQ(parse_platform_word("linux/ARM/v7")->variant, "v7");
  EXPECT_EQ(parse_platform_word("arm64")->architecture, "arm64");
  EXPECT_EQ(parse_platform_word("linux")->os, "linux");
  for (const char* bad : {"", "/", "linux/", "a/b/c/d", "a b"})
    EXPECT_FALSE(parse_platform_word(bad)) << bad;
}

}  // namespace
}  // namespace slipway::pipeline
