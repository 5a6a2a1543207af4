// Lines out of bytes: every kind of line end, pieces, bounds.
#include <gtest/gtest.h>

#include "base/text.h"
#include "runner/logs/masker.h"

namespace slipway::runner {
namespace {

using Lines = std::vector<std::string>;

Lines lines_of(std::string_view text, std::size_t piece = ~std::size_t{0}) {
  LineSplitter splitter;
  Lines lines;
  for (std::size_t at = 0; at < text.size(); at += std::min(piece, text.size()))
    splitter.write(text.substr(at, piece), lines);
  splitter.finish(lines);
  return lines;
}

struct SplitCase {
  std::string text;
  Lines lines;
};
const std::vector<SplitCase> kCases{
    {"", {}},
    {"one\ntwo\n", {"one", "two"}},
    {"no newline at the end", {"no newline at the end"}},
    {"\n\n", {"", ""}},
    {"dos\r\nline\r\n", {"dos", "line"}},
    {"pty\r\r\nline", {"pty", "line"}},
    {"10%\r50%\r100%\nnext", {"100%", "next"}},
    {"gone\r", {"gone"}},
    {"gone\r\nkept", {"gone", "kept"}},
    {"\rstart", {"start"}},
    {"a\xff"
     "b\n",
     {"a\xef\xbf\xbd"
      "b"}},
};

TEST(LineSplitter, CutsAsATerminalWould) {
  for (const SplitCase& one : kCases)
    EXPECT_EQ(lines_of(one.text), one.lines) << printable(one.text);
}

TEST(LineSplitter, DoesNotDependOnThePieces) {
  for (const SplitCase& one : kCases) {
    for (std::size_t piece = 1; piece < 6; ++piece)
      EXPECT_EQ(lines_of(one.text, piece), one.lines) << printable(one.text);
  }
}

TEST(LineSplitter, KeepsALineOfExactlyTheLimitWhole) {
  const std::string text(LineSplitter::kMaxLine, 'x');
  EXPECT_EQ(lines_of(text + "\n"), Lines{text});
  EXPECT_EQ(lines_of(text + "y\n"), (Lines{text, "… y"}));
}

TEST(LineSplitter, ContinuesLongLinesVisiblyAndLosesNothing) {
  const std::string text(LineSplitter::kMaxLine * 3 + 17, 'x');
  const Lines lines = lines_of(text + "\nshort\n", 1'000);
  ASSERT_EQ(lines.size(), 5u);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(lines[i].starts_with("… "), i > 0);
    bytes += lines[i].size() - (i > 0 ? std::string_view("… ").size() : 0);
  }
  EXPECT_EQ(bytes, text.size());
  EXPECT_EQ(lines[4], "short");
}

TEST(LineSplitter, CutsLongLinesBetweenCharacters) {
  std::string text = "x";
  while (text.size() < LineSplitter::kMaxLine * 2) text += "\xe2\x82\xac";  // €
  for (const std::size_t piece : {std::size_t{1'000}, text.size()}) {
    for (const std::string& line : lines_of(text, piece)) {
      EXPECT_EQ(line.find("\xef\xbf\xbd"), std::string::npos);
    }
  }
}

TEST(LineSplitter, HoldsAtMostOneLineOfAHundredMegabyteLine) {
  LineSplitter splitter;
  Lines lines;
  const std::string piece(std::size_t{64} << 10, 'x');
  std::size_t bytes = 0;
  for (int i = 0; i < 1'600; ++i) {
    splitter.write(piece, lines);
    ASSERT_LE(lines.size(), 2u);
    for (const std::string& line : lines) bytes += line.size();
    lines.clear();
  }
  EXPECT_GE(bytes, 1'598 * piece.size());
}

TEST(LineSplitter, HandlesEndlessCarriageReturns) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += std::to_string(i) + "\r";
  EXPECT_EQ(lines_of(text + "end\n", 7'777), Lines{"end"});
}

}  // namespace
}  // namespace slipway::runner
