// One logical line taken apart: keyword, flags, words. The quoting rules of flags, words and heredoc marks differ a
// little from each other; each is what the reference implementation does.
#include "pipeline/dockerfile/statement.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "pipeline/dockerfile/characters.h"
#include "pipeline/dockerfile/word.h"

namespace slipway::pipeline::dockerfile {
namespace {

constexpr std::string_view kBlanks = "\t\v\f\r ";

Part trimmed(std::string_view line, std::size_t begin) {
  const std::string_view text = trim_space(line.substr(begin));
  if (text.empty()) return {"", line.size(), line.size()};
  const auto at = static_cast<std::size_t>(text.data() - line.data());
  return {std::string(text), at, at + text.size()};
}

std::size_t skip_space(std::string_view line, std::size_t at) {
  while (at < line.size()) {
    const Character next = first_character(line.substr(at));
    if (!is_space(next.code)) break;
    at += next.bytes;
  }
  return at;
}

/// A word that begins with "--": quotes are taken off, an escape takes the next character as it is.
Part take_flag(std::string_view line, std::size_t& at, char escape) {
  Part flag;
  flag.begin = at;
  char quote = 0;
  while (at < line.size()) {
    const char c = line[at];
    const Character next = first_character(line.substr(at));
    if (quote == 0 && is_space(next.code)) break;
    if (quote == 0 ? c == '\'' || c == '"' : c == quote) {
      quote = quote == 0 ? c : 0;
      ++at;
      continue;
    }
    if (c == escape) {
      ++at;
      if (at >= line.size()) break;
    }
    const std::size_t bytes = first_character(line.substr(at)).bytes;
    flag.text += line.substr(at, bytes);
    at += bytes;
  }
  flag.end = at;
  return flag;
}

/// Groups by quotes and escapes; collects one word of `text` from `at` on.
std::string take_grouped(std::string_view text, std::size_t& at, char escape) {
  std::string word;
  char quote = 0;
  while (at < text.size()) {
    const char c = text[at];
    const Character next = first_character(text.substr(at));
    if (quote == 0 && is_space(next.code)) break;
    if (c == escape && quote != '\'') {
      if (at + 1 == text.size()) {  // nothing to escape: dropped
        ++at;
        break;
      }
      word += c;
      ++at;
      const std::size_t bytes = first_character(text.substr(at)).bytes;
      word += text.substr(at, bytes);
      at += bytes;
      continue;
    }
    if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    }
    word += text.substr(at, next.bytes);
    at += next.bytes;
  }
  return word;
}

}  // namespace

Statement split_statement(std::string_view line, char escape) {
  Statement out;
  const Part whole = trimmed(line, 0);
  const std::size_t end = std::min(line.find_first_of(kBlanks, whole.begin), whole.end);
  out.keyword = {std::string(line.substr(whole.begin, end - whole.begin)), whole.begin, end};
  line = line.substr(0, whole.end);
  std::size_t at = end;
  for (;;) {
    at = skip_space(line, at);
    if (line.substr(at, 2) != "--") break;
    Part flag = take_flag(line, at, escape);
    if (flag.text == "--") break;  // ends the flags
    out.flags.push_back(std::move(flag));
  }
  out.arguments = trimmed(line, at);
  return out;
}

std::vector<Part> grouped_words(std::string_view text, char escape) {
  std::vector<Part> out;
  for (std::size_t at = skip_space(text, 0); at < text.size(); at = skip_space(text, at)) {
    Part part;
    part.begin = at;
    part.text = take_grouped(text, at, escape);
    part.end = at;
    if (!part.text.empty()) out.push_back(std::move(part));
  }
  return out;
}

std::vector<Part> plain_words(std::string_view text) {
  std::vector<Part> out;
  std::size_t at = text.find_first_not_of(kBlanks);
  while (at < text.size()) {
    const std::size_t end = std::min(text.find_first_of(kBlanks, at), text.size());
    out.push_back({std::string(text.substr(at, end - at)), at, end});
    at = text.find_first_not_of(kBlanks, end);
  }
  return out;
}

JsonWords json_words(std::string_view text) {
  JsonWords out;
  text.remove_prefix(skip_space(text, 0));
  if (text.empty() || text[0] != '[') return out;
  const Result<Json> json = parse_json(to_valid_utf8(text));
  if (!json || !json->is_array()) return out;
  out.is_json = true;
  for (const Json& item : json->items()) {
    if (!item.is_string()) {
      out.only_strings = false;
      return out;
    }
    out.words.emplace_back(item.string_or(""));
  }
  return out;
}

std::optional<HeredocMark> heredoc_mark(std::string_view word) {
  std::size_t at = 0;
  while (at < word.size() && word[at] >= '0' && word[at] <= '9') ++at;
  if (word.substr(at, 2) != "<<") return std::nullopt;
  at += 2;
  HeredocMark out;
  if (word.substr(at, 1) == "-") {
    out.strip_tabs = true;
    ++at;
  }
  at = std::min(word.find_first_not_of("\t\n\f\r ", at), word.size());
  const std::string_view rest = word.substr(at);
  if (rest.empty() || rest.find('<') != std::string_view::npos) return std::nullopt;
  WordMode mode;
  mode.keep_unset = true;
  const auto plain = read_word(rest, mode, nullptr, nullptr);
  mode.keep_quotes = true;
  const auto raw = read_word(rest, mode, nullptr, nullptr);
  if (!plain || !raw || plain->words.size() != 1 || raw->words.size() != 1) return std::nullopt;
  const auto quotes = [](const std::string& text) {
    return std::count_if(text.begin(), text.end(), [](char c) { return c == '\'' || c == '"'; });
  };
  out.name = plain->words[0];
  out.expand = quotes(plain->words[0]) == quotes(raw->words[0]);
  return out;
}

std::vector<HeredocMark> heredoc_marks(std::string_view line) {
  std::vector<HeredocMark> out;
  if (line.find("<<") == std::string_view::npos) return out;
  WordMode mode;
  mode.keep_unset = true;
  mode.keep_quotes = true;
  mode.keep_escapes = true;
  const auto words = read_word(line, mode, nullptr, nullptr);
  if (!words) return out;  // quotes that do not fit: the shell's matter
  for (const std::string& word : words->words)
    if (auto mark = heredoc_mark(word)) out.push_back(std::move(*mark));
  return out;
}

}  // namespace slipway::pipeline::dockerfile
