// Expands arbitrary words: no crash, no hang, bounded results; a word without special characters stays as it is.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "pipeline/dockerfile.h"
#include "pipeline/dockerfile_values.h"

using namespace slipway::pipeline;

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

std::optional<std::string> lookup(std::string_view name) {
  if (name == "e") return "";
  if (name == "p") return "*a?";
  if (name == "v" || name.size() > 2) return "a/b.c aXa \xED\x95\x9C\xEA\xB5\xAD";
  return std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const char escape = data[0] % 2 == 0 ? '\\' : '`';
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::vector<std::string> unset;
  const auto word = expand_word(text, escape, lookup, &unset);
  const auto words = expand_words(text, escape, lookup);
  (void)expand_heredoc(text, escape, lookup);
  check(word.has_value() == words.has_value());
  if (word) check(word->size() <= (std::size_t{3} << 20));
  if (words)
    for (const std::string& one : *words) check(!one.empty());
  if (word && text.find_first_of("$'\"\\`") == std::string_view::npos) check(*word == text);
  (void)parse_run_mount(text, nullptr);
  (void)parse_run_device(text);
  (void)parse_exposed(text);
  (void)parse_go_duration(text);
  (void)parse_platform_word(text);
  return 0;
}
