// Text, sizes and durations.
#include "base/text.h"

#include <gtest/gtest.h>

#include "base/units.h"

namespace slipway {
namespace {

TEST(Utf8, RefusesOverlongSurrogatesAndCutSequences) {
  EXPECT_TRUE(valid_utf8("aé€😀"));
  for (const char* bad :
       {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82", "\x80", "\xFF"}) {
    EXPECT_FALSE(valid_utf8(bad));
    EXPECT_TRUE(valid_utf8(to_valid_utf8(bad)));
  }
  EXPECT_EQ(to_valid_utf8("a\xFFz"), "a\xEF\xBF\xBDz");
}

TEST(Printable, ShowsWhatWouldFoolATerminalOrAReader) {
  EXPECT_EQ(printable("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(printable("x\ny\tz\r"), "x\\ny\\tz\\r");
  EXPECT_EQ(printable("\xE2\x80\xAE"
                      "evil"),
            "\\u202eevil");
  EXPECT_EQ(printable("\xC2\x9b"), "\\x9b");
  EXPECT_EQ(printable("\xE2\x80\xA8"), "\\u2028");
  EXPECT_EQ(printable("\xFF"), "\\xff");
  EXPECT_EQ(printable("naïve 日本"), "naïve 日本");
}

TEST(TerminalSafe, KeepsColoursOnRequestAndDropsEveryOtherEscape) {
  EXPECT_EQ(terminal_safe("\x1b[1;31mred\x1b[0m", KeepColour::kYes), "\x1b[1;31mred\x1b[0m");
  EXPECT_EQ(terminal_safe("\x1b[1;31mred\x1b[0m", KeepColour::kNo), "red");
  EXPECT_EQ(terminal_safe("a\x1b[2Jb\x1b]0;title\x07"
                          "c\x1b]8;;x\x1b\\d",
                          KeepColour::kYes),
            "abcd");
  EXPECT_EQ(terminal_safe("a\x1bP1;q\x1b\\b\x1b(0c", KeepColour::kYes), "abc");
  EXPECT_EQ(terminal_safe("cut\x1b[31", KeepColour::kYes), "cut");
  EXPECT_EQ(terminal_safe("cut\x1b", KeepColour::kYes), "cut");
  EXPECT_EQ(terminal_safe("a\tb\nc\rd", KeepColour::kNo), "a\tb\nc\\rd");
}

TEST(DisplayWidth, CountsWideCombiningAndEscapes) {
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("日本"), 4U);
  EXPECT_EQ(display_width("e\xCC\x81"), 1U);
  EXPECT_EQ(display_width("\x1b[31mred\x1b[0m"), 3U);
  EXPECT_EQ(display_width("✓ ok 😀"), 7U);
}

TEST(Ellipsize, CutsOnCharacterBordersWithinTheColumns) {
  EXPECT_EQ(ellipsize("short", 5), "short");
  EXPECT_EQ(ellipsize("longer", 5), "long…");
  EXPECT_EQ(ellipsize("日本語", 4), "日…");
  EXPECT_EQ(ellipsize("x", 0), "");
  EXPECT_LE(display_width(ellipsize("日本語日本語", 7)), 7U);
  EXPECT_EQ(ellipsize("\x1b[31mlonger", 3), "\x1b[31mlo…\x1b[0m");
}

TEST(DidYouMean, FindsASlipAndNothingFarAway) {
  const std::vector<std::string> keys = {"command", "image", "needs", "env"};
  EXPECT_EQ(did_you_mean("comand", keys), "command");
  EXPECT_EQ(did_you_mean("imgae", keys), "image");
  EXPECT_EQ(did_you_mean("Needs", keys), "needs");
  EXPECT_EQ(did_you_mean("zzz", keys), std::nullopt);
  EXPECT_EQ(did_you_mean("ab", keys), std::nullopt);
  EXPECT_EQ(did_you_mean("", keys), std::nullopt);
  EXPECT_EQ(did_you_mean(std::string(100'000, 'x'), keys), std::nullopt);
}

TEST(ShellQuote, LeavesHarmlessWordsBareAndDefusesTheRest) {
  EXPECT_EQ(shell_quote("--flag=a/b.c"), "--flag=a/b.c");
  EXPECT_EQ(shell_quote(""), "''");
  EXPECT_EQ(shell_quote("a b"), "'a b'");
  EXPECT_EQ(shell_quote("it's $HOME"), "'it'\\''s $HOME'");
  EXPECT_EQ(shell_join({"echo", "a b"}), "echo 'a b'");
}

TEST(Strings, SplitTrimJoinAndNumbers) {
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_EQ(split("", ','), (std::vector<std::string_view>{""}));
  EXPECT_EQ(trim(" \t a b \n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_EQ(join({"a", "b"}, ", "), "a, b");
  EXPECT_EQ(to_lower("ÄBc"), "Äbc");
  EXPECT_EQ(parse_int("-42"), -42);
  for (const char* bad : {"", "4x", " 4", "99999999999999999999", "+1"})
    EXPECT_FALSE(parse_int(bad));
}

TEST(Encodings, Base64FollowsRfc4648) {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : vectors) {
    EXPECT_EQ(base64_encode(plain), coded);
    EXPECT_EQ(base64_decode(coded), plain);
  }
  for (const char* bad : {"Zg=", "Zg", "Zh==", "Zm9=", "Z===", "====", "Zm 9v", "Zg==Zg=="}) {
    EXPECT_FALSE(base64_decode(bad)) << bad;
  }
  EXPECT_EQ(base64_decode(base64_encode(std::string("\0\xFF\x80", 3))),
            std::string("\0\xFF\x80", 3));
}

TEST(Encodings, HexAndPercent) {
  EXPECT_EQ(hex_encode("\x01\xFFz"), "01ff7a");
  EXPECT_EQ(percent_encode("a-b_c.d~/ ü"), "a-b_c.d~%2F%20%C3%BC");
}

TEST(Size, ReadsWhatDockerReads) {
  const std::pair<const char*, std::uint64_t> good[] = {{"10", 10},
                                                        {"64k", 65536},
                                                        {"512m", 512ULL << 20},
                                                        {"2g", 2ULL << 30},
                                                        {"1.5g", 3ULL << 29},
                                                        {"512MB", 512ULL << 20},
                                                        {"512MiB", 512ULL << 20},
                                                        {"1 GiB", 1ULL << 30},
                                                        {"0", 0},
                                                        {"7b", 7}};
  for (const auto& [text, bytes] : good) EXPECT_EQ(parse_size(text).value().value, bytes) << text;
  for (const char* bad :
       {"", "m", "-1", "12q", "1.m", "999999999t", "1e3", "0x10", "1234567890123456789"}) {
    EXPECT_FALSE(parse_size(bad)) << bad;
  }
  EXPECT_EQ(parse_size("12q").error().text(),
            "parse size \"12q\": unknown unit (use k, m, g or t)");
}

TEST(Size, PrintsThreeDigits) {
  const std::pair<std::uint64_t, const char*> cases[] = {{0, "0 B"},
                                                         {1023, "1023 B"},
                                                         {1024, "1 KiB"},
                                                         {1536, "1.5 KiB"},
                                                         {10 << 20, "10 MiB"},
                                                         {(1ULL << 20) - 1, "1 MiB"},
                                                         {123'456'789, "118 MiB"},
                                                         {5ULL << 60, "5 EiB"}};
  for (const auto& [bytes, text] : cases) EXPECT_EQ(format_size({bytes}), text);
}

TEST(Duration, NeedsUnitsAndReadsThemLargeToSmall) {
  const std::pair<const char*, std::int64_t> good[] = {
      {"250ms", 250},      {"90s", 90'000}, {"20m", 1'200'000}, {"1h30m", 5'400'000},
      {"7d", 604'800'000}, {"1.5s", 1500},  {"0s", 0}};
  for (const auto& [text, millis] : good)
    EXPECT_EQ(parse_duration(text).value().count(), millis) << text;
  for (const char* bad : {"", "10", "s", "1m1h", "1s1s", "-1s", "1y", "999999d", "1h 30", "5M"}) {
    EXPECT_FALSE(parse_duration(bad)) << bad;
  }
}

TEST(Duration, PrintsForPeople) {
  const std::pair<std::int64_t, const char*> cases[] = {
      {0, "0.0s"},           {412, "0.4s"},     {9'949, "9.9s"},   {9'960, "10s"},
      {59'499, "59s"},       {59'500, "1m00s"}, {65'000, "1m05s"}, {7'380'000, "2h03m"},
      {90'000'000, "1d01h"}, {-5, "0.0s"}};
  for (const auto& [millis, text] : cases) EXPECT_EQ(format_duration(Millis(millis)), text);
}

}  // namespace
}  // namespace slipway
