// The strict YAML pass on its own: types, aliases, merge keys, places, bounds.
#include <gtest/gtest.h>

#include "pipeline/yaml/parse.h"

namespace slipway::pipeline::yaml {
namespace {

struct Parsed {
  std::optional<Node> root;
  std::vector<Diagnostic> found;
};

Parsed parsed(const std::string& text) {
  Parsed result;
  result.root = parse({{"a.yml", text}}, 0, result.found);
  return result;
}

std::string first_message(const Parsed& result) {
  return result.found.empty() ? "" : result.found.front().message;
}

const Node* value_at(const Parsed& result, std::string_view key) {
  const Entry* entry = result.root ? result.root->find(key) : nullptr;
  return entry == nullptr ? nullptr : &entry->value;
}

TEST(Yaml, ScalarsHaveTheTypesOfTheCoreSchema) {
  const Parsed result = parsed(
      "a: on\nb: yes\nc: 0755\nd: 1.50\ne: true\nf: 'true'\ng: ~\nh: 0x1F\ni: 1_000\nj: -2e3\nk: "
      ".5\n"
      "l: 12:30:00\nm: 0\n");
  ASSERT_TRUE(result.root);
  const Value value = to_value(*result.root);
  for (const char* text : {"a", "b", "c", "f", "h", "i", "k", "l"})
    EXPECT_NE(value.find(text)->string(), nullptr) << text;
  EXPECT_EQ(*value.find("d"), Value(1.5));
  EXPECT_EQ(*value.find("e"), Value(true));
  EXPECT_TRUE(value.find("g")->is_null());
  EXPECT_EQ(*value.find("j"), Value(-2000.0));
  EXPECT_EQ(*value.find("m"), Value(0));
  EXPECT_EQ(value_at(result, "d")->text, "1.50");
}

TEST(Yaml, AliasesCopyAndMergeKeysFillWhatIsAbsent) {
  const Parsed result = parsed(
      "a: &a { x: 1, y: 2 }\nb: &b { y: 3, z: 4 }\nc: { <<: [*a, *b], x: 9 }\nd: *a\ne: { \"<<\": "
      "1 }\n");
  ASSERT_TRUE(result.root);
  EXPECT_TRUE(result.found.empty());
  const Node* c = value_at(result, "c");
  EXPECT_EQ(c->find("x")->value.text, "9");
  EXPECT_EQ(c->find("y")->value.text, "2");
  EXPECT_EQ(c->find("z")->value.text, "4");
  EXPECT_EQ(value_at(result, "d")->find("y")->value.text, "2");
  EXPECT_NE(value_at(result, "e")->find("<<"), nullptr);
}

TEST(Yaml, PlacesAreOneBasedAndSpanTheScalar) {
  const Parsed result = parsed(
      "key: value\nquoted: \"a\\\"b\" # c\nblock: |\n\n    first\n  x: &n\n    !!str  tagged\n");
  // The block's first line decides the indentation, so the rest is no part of it and the file is
  // refused.
  EXPECT_FALSE(result.root);
  const Parsed good = parsed(
      "key: value\nquoted: \"a\\\"b\" # c\nblock: |\n    first\n    second\nlast: &n !!str  "
      "tagged\n");
  ASSERT_TRUE(good.root);
  EXPECT_EQ(value_at(good, "key")->span, (Span{0, 1, 6, 1, 11}));
  EXPECT_EQ(value_at(good, "quoted")->span, (Span{0, 2, 9, 2, 15}));
  EXPECT_EQ(value_at(good, "quoted")->content.column, 10);
  EXPECT_EQ(value_at(good, "block")->content.line, 4);
  EXPECT_EQ(value_at(good, "block")->content.column, 5);
  EXPECT_EQ(value_at(good, "last")->span, (Span{0, 6, 17, 6, 23}));
  EXPECT_EQ(value_at(good, "last")->style, Style::kQuoted);
}

TEST(Yaml, MergeOfTreesGoesDeepInMapsAndReplacesLists) {
  Parsed over = parsed("a: { x: 1, l: [1] }\nc: 3\n");
  const Parsed under = parsed("b: 2\na: { l: [1, 2], y: 5 }\nc: { d: 1 }\n");
  merge_under(*over.root, *under.root);
  EXPECT_EQ(to_value(*over.root).to_json().dump(), R"({"b":2,"a":{"l":[1],"y":5,"x":1},"c":3})");
}

TEST(YamlBounds, LargeFilesAreRefusedBeforeParsing) {
  const Parsed result = parsed("a: '" + std::string(kMaxFileBytes, 'x') + "'");
  EXPECT_FALSE(result.root);
  EXPECT_EQ(first_message(result), "the file is larger than 1 MiB");
}

TEST(YamlBounds, NestingStopsAt64) {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
  };
  EXPECT_TRUE(parsed("a: " + nested(63)).root);
  const Parsed deep = parsed("a: " + nested(64));
  EXPECT_FALSE(deep.root);
  EXPECT_EQ(first_message(deep), "nested deeper than 64 levels");
  EXPECT_EQ(deep.found.front().span.column, 4 + 63);
  EXPECT_FALSE(parsed(std::string(500'000, '[')).root);
  EXPECT_FALSE(parsed(std::string(500'000, '{')).root);
}

TEST(YamlBounds, DepthCountsWhatAliasesBring) {
  std::string text = "l0: &l0 [x]\n";
  for (int level = 1; level < 10; ++level)
    text += "l" + std::to_string(level) + ": &l" + std::to_string(level) + " [[[[[[[[*l" +
            std::to_string(level - 1) + "]]]]]]]]\n";
  const Parsed result = parsed(text);
  EXPECT_FALSE(result.root);
  EXPECT_EQ(first_message(result), "nested deeper than 64 levels");
}

TEST(YamlBounds, AliasBombsEndAtTenThousandValues) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int level = 1; level < 9; ++level) {
    const std::string below = "*a" + std::to_string(level - 1);
    text += "a" + std::to_string(level) + ": &a" + std::to_string(level) + " [" + below;
    for (int copy = 0; copy < 8; ++copy) text += ", " + below;
    text += "]\n";
  }
  const Parsed result = parsed(text);
  EXPECT_FALSE(result.root);
  EXPECT_EQ(first_message(result), "more than 10,000 values after aliases");
}

TEST(YamlBounds, MergeBombsAreBoundedToo) {
  std::string text = "a0: &a0 { k: [x, x, x, x, x, x, x, x, x, x] }\n";
  for (int level = 1; level < 9; ++level) {
    text += "a" + std::to_string(level) + ": &a" + std::to_string(level) + " {";
    for (int copy = 0; copy < 9; ++copy)
      text += " k" + std::to_string(copy) + ": { <<: *a" + std::to_string(level - 1) + " },";
    text += " }\n";
  }
  const Parsed result = parsed(text);
  EXPECT_FALSE(result.root);
  EXPECT_EQ(first_message(result), "more than 10,000 values after aliases");
}

TEST(YamlBounds, LongTextBehindManyAliasesIsBounded) {
  std::string text = "a: &a '" + std::string(500'000, 'x') + "'\nb: [";
  for (int copy = 0; copy < 5000; ++copy) text += "*a, ";
  const Parsed result = parsed(text + "]\n");
  EXPECT_FALSE(result.root);
  EXPECT_EQ(first_message(result), "anchors and aliases expand to more than 8 MiB");
}

TEST(YamlBounds, TenThousandPlainValuesAreFine) {
  std::string text = "a: [";
  for (int item = 0; item < 9'990; ++item) text += "1,";
  EXPECT_TRUE(parsed(text + "]").root);
}

TEST(YamlRefuses, ValuesInsideTheirOwnAnchor) {
  EXPECT_EQ(first_message(parsed("a: &a [*a]\n")), "this alias is inside its own anchor");
  EXPECT_EQ(first_message(parsed("&a a: { b: *a }\n")), "");  // the anchor is the key's
  EXPECT_EQ(first_message(parsed("a: &a { b: { <<: *a } }\n")),
            "this alias is inside its own anchor");
}

TEST(YamlRefuses, EverythingThatIsNoPlainTree) {
  EXPECT_EQ(first_message(parsed("[1]: 2\n")), "a key must be text, found a list");
  EXPECT_EQ(first_message(parsed("? {a: b}\n: 2\n")), "a key must be text, found a map");
  EXPECT_EQ(first_message(parsed("~: 2\n")), "a key must be text, found nothing");
  EXPECT_EQ(first_message(parsed("a: !x b\n")), "tags are not supported: !x");
  EXPECT_EQ(first_message(parsed("a: !!binary b\n")), "tags are not supported: !!binary");
  EXPECT_EQ(first_message(parsed("a: 1\n---\nb: 1\n")), "several documents in one file");
  EXPECT_EQ(first_message(parsed(std::string("a: \0b", 5))), "a NUL byte in the file");
  EXPECT_EQ(first_message(parsed("a: \"\xc3(\"")), "the file is not valid UTF-8");
  EXPECT_EQ(first_message(parsed("a: 'open")), "the quote is never closed");
  EXPECT_EQ(first_message(parsed("a: \"open\nb: c\n")), "the quote is never closed");
}

TEST(YamlRefuses, DuplicateKeysAndGoesOnReading) {
  const Parsed result = parsed("a: 1\nb: { c: 1, c: 2 }\na: 3\n");
  ASSERT_TRUE(result.root);
  ASSERT_EQ(result.found.size(), 2u);
  EXPECT_EQ(result.found[0].message, "duplicate key \"c\"");
  EXPECT_EQ(result.found[1].span.line, 3);
  EXPECT_EQ(result.found[1].notes.front().span.line, 1);
  EXPECT_EQ(value_at(result, "a")->text, "1");
}

}  // namespace
}  // namespace slipway::pipeline::yaml
