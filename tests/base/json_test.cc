// The JSON value, its reader and its writer.
#include "base/json.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

std::string error_of(std::string_view text, const JsonLimits& limits = {}) {
  const Result<Json> parsed = parse_json(text, limits);
  return parsed ? "parsed: " + parsed->dump() : parsed.error().text();
}

TEST(JsonParse, ReadsEveryKindAndKeepsTheOrderOfMembers) {
  const Json json =
      parse_json(R"( {"z": [1, -2, 3.5, 1e3], "a": {"t": true, "f": false, "n": null}, "s": "x"} )")
          .value();
  EXPECT_EQ(json.dump(), R"({"z":[1,-2,3.5,1000],"a":{"t":true,"f":false,"n":null},"s":"x"})");
  EXPECT_TRUE(json["z"].items()[0].is_int());
  EXPECT_FALSE(json["z"].items()[3].is_int());
  EXPECT_TRUE(json["a"]["t"].bool_or(false));
  EXPECT_TRUE(json["a"]["missing"]["deeper"].is_null());
}

TEST(JsonParse, EscapesAndSurrogatePairs) {
  EXPECT_EQ(parse_json(R"("\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00")")->string_or(""),
            "\"\\/\b\f\n\r\tAé😀");
  EXPECT_EQ(parse_json(R"("\u0000")")->string_or("x"), std::string_view("\0", 1));
}

TEST(JsonParse, ErrorsNameLineAndColumn) {
  EXPECT_EQ(error_of("{\n  \"a\": 1\n  \"b\": 2}"), "parse json: 3:3: expected ',' or '}'");
  EXPECT_EQ(error_of(""), "parse json: 1:1: unexpected end of the text");
  EXPECT_EQ(error_of("[1,]"), "parse json: 1:4: expected a value");
  EXPECT_EQ(error_of("{\"a\":1,}"), "parse json: 1:8: expected a member name");
  EXPECT_EQ(error_of("1 2"), "parse json: 1:3: expected the end of the text");
  EXPECT_EQ(error_of(R"({"k":1,"k":2})"), "parse json: 1:8: duplicate member \"k\"");
}

TEST(JsonParse, RefusesWhatRfc8259Refuses) {
  for (const char* bad : {"01",
                          "+1",
                          "1.",
                          ".5",
                          "1e",
                          "-",
                          "NaN",
                          "Infinity",
                          "tru",
                          "'a'",
                          "\"\t\"",
                          "\"\\x\"",
                          R"("\ud800")",
                          R"("\udc00")",
                          R"("\ud800\u0041")",
                          R"("\u12g4")",
                          "\"abc",
                          "[1",
                          "{\"a\"",
                          "{1:2}",
                          "// c\n1",
                          "\xEF\xBB\xBF"
                          "1",
                          "\"\xFF\"",
                          "1e999"}) {
    EXPECT_FALSE(parse_json(bad)) << bad;
  }
}

TEST(JsonParse, IntegersOutsideInt64BecomeDoubles) {
  EXPECT_EQ(parse_json("9223372036854775807")->int_or(0), INT64_MAX);
  EXPECT_EQ(parse_json("-9223372036854775808")->int_or(0), INT64_MIN);
  const Json big = parse_json("9223372036854775808").value();
  EXPECT_FALSE(big.is_int());
  EXPECT_DOUBLE_EQ(big.double_or(0), 9223372036854775808.0);
  EXPECT_EQ(error_of("[1e999]"), "parse json: 1:2: number out of range");
}

TEST(JsonParse, LimitsDepthAndSize) {
  EXPECT_TRUE(parse_json(std::string(64, '[') + std::string(64, ']')));
  EXPECT_EQ(error_of(std::string(65, '[')), "parse json: 1:65: nested too deeply");
  EXPECT_FALSE(parse_json(std::string(1'000'000, '[')));
  EXPECT_EQ(error_of("[1,2,3]", {.max_bytes = 6}), "parse json: the text has 7 bytes, more than 6");
}

TEST(JsonParse, FindsDuplicatesAmongManyMembers) {
  std::string text = "{";
  for (int i = 0; i < 20'000; ++i) text += "\"k" + std::to_string(i) + "\":0,";
  EXPECT_TRUE(parse_json(text + "\"last\":0}"));
  EXPECT_FALSE(parse_json(text + "\"k777\":0}"));
}

TEST(JsonWrite, EscapesWhatHurtsReaders) {
  EXPECT_EQ(Json("a\"\\\n\x01\x7f").dump(), "\"a\\\"\\\\\\n\\u0001\\u007f\"");
  EXPECT_EQ(Json("\u2028\u2029").dump(), "\"\\u2028\\u2029\"");
  EXPECT_EQ(Json("\xFF").dump(), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(Json(1.0 / 3).dump(), "0.3333333333333333");
  EXPECT_EQ(Json(-0.0).dump(), "-0.0");
}

TEST(JsonWrite, PrettyIsIndentedAndReadsBack) {
  const Json json =
      Json::object({{"a", Json::array({1, 2})}, {"e", Json::object()}, {"l", Json::array()}});
  EXPECT_EQ(json.pretty(), "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"e\": {},\n  \"l\": []\n}\n");
  EXPECT_EQ(parse_json(json.pretty()).value(), json);
}

TEST(Json, SetReplacesPushAppendsAndWrongKindsFallBack) {
  Json json;
  json.set("a", 1).set("a", 2).set("b", Json().push("x").push(nullptr));
  EXPECT_EQ(json.dump(), R"({"a":2,"b":["x",null]})");
  EXPECT_EQ(json["a"].string_or("fallback"), "fallback");
  EXPECT_EQ(json["b"].int_or(9), 9);
  EXPECT_TRUE(json["a"].items().empty());
  EXPECT_TRUE(Json("text").members().empty());
  EXPECT_DOUBLE_EQ(json["a"].double_or(0), 2.0);
}

}  // namespace
}  // namespace slipway
