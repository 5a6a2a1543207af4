// Splitting arbitrary bytes into lines: the same however they are cut into pieces, bounded, valid UTF-8, no line end
// inside.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "runner/logs/masker.h"

namespace {

using namespace slipway;
using namespace slipway::runner;

void check(bool holds) {
  if (!holds) std::abort();
}

std::vector<std::string> split_in_pieces(std::string_view text, std::size_t piece) {
  LineSplitter splitter;
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size(); at += piece)
    splitter.write(text.substr(at, piece), lines);
  splitter.finish(lines);
  return lines;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::size_t piece = (data[1] & 3u) == 0 ? data[0] + 1u : 200 * (data[0] + 1u);
  const std::size_t stretch = (data[1] & 3u) * 40'000u;  // reaches the limit of a line
  std::string text(reinterpret_cast<const char*>(data) + 2, size - 2);
  text.insert(text.size() / 2, stretch, static_cast<char>(data[2]));

  const std::vector<std::string> lines = split_in_pieces(text, text.size());
  check(lines == split_in_pieces(text, piece));
  for (const std::string& line : lines) {
    check(line.find('\n') == std::string::npos && line.find('\r') == std::string::npos);
    check(valid_utf8(line));
    check(line.size() <= 3 * LineSplitter::kMaxLine + 8);  // each bad byte becomes three
  }
  return 0;
}
