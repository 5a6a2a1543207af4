// From bytes to logical lines: directives, comments, continuations, heredoc bodies. What a line means is not known
// here.
// Spec: Dockerfile reference, "Parser directives" and "Format".
#include "pipeline/dockerfile/lines.h"

#include <algorithm>

#include "base/text.h"
#include "pipeline/dockerfile/characters.h"

namespace slipway::pipeline::dockerfile {
namespace {

std::string_view without_newline(std::string_view line) {
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  return line;
}

std::string_view without_leading_space(std::string_view line) {
  while (!line.empty()) {
    const Character first = first_character(line);
    if (!is_space(first.code)) break;
    line.remove_prefix(first.bytes);
  }
  return line;
}

std::string_view without_tabs(std::string_view line) {
  return line.substr(std::min(line.find_first_not_of('\t'), line.size()));
}

bool is_comment(std::string_view line) {
  line = without_leading_space(line);
  return !line.empty() && line[0] == '#';
}

bool alphanumeric(char c) {
  return is_letter(static_cast<unsigned char>(c)) || (c >= '0' && c <= '9');
}

/// `key = value` behind the '#'.
struct KeyValue {
  std::string key;
  std::string_view value;
};
std::optional<KeyValue> key_value(std::string_view body) {
  body = without_leading_space(body);
  std::size_t end = 0;
  while (end < body.size() && alphanumeric(body[end])) ++end;
  if (end == 0 || (body[0] >= '0' && body[0] <= '9')) return std::nullopt;
  const std::string_view rest = trim(body.substr(end));
  if (rest.empty() || rest[0] != '=') return std::nullopt;
  const std::string_view value = trim(rest.substr(1));
  if (value.empty()) return std::nullopt;
  return KeyValue{to_lower(body.substr(0, end)), value};
}

std::vector<std::string> names(std::string_view list) {
  std::vector<std::string> out;
  for (const std::string_view name : split(list, ',')) out.emplace_back(trim(name));
  return out;
}

}  // namespace

Place LogicalLine::place(std::size_t offset) const {
  const auto behind =
      std::upper_bound(pieces.begin(), pieces.end(), offset,
                       [](std::size_t at, const Piece& piece) { return at < piece.offset; });
  if (behind == pieces.begin()) return {};
  const Piece& piece = *std::prev(behind);
  return {piece.place.line, piece.place.column + static_cast<int>(offset - piece.offset)};
}

LineReader::LineReader(std::string_view text, Dockerfile& file) : rest_(text), file_(file) {
  if (rest_.substr(0, 3) == "\xEF\xBB\xBF") rest_.remove_prefix(3);
}

std::optional<std::string_view> LineReader::take_raw() {
  if (rest_.empty()) return std::nullopt;
  const std::size_t end = rest_.find('\n');
  const std::string_view line = rest_.substr(0, end == std::string_view::npos ? end : end + 1);
  rest_.remove_prefix(line.size());
  ++line_;
  return line;
}

/// Takes an escape character off the end of a line that goes on; not one that is escaped itself.
bool LineReader::continues(std::string_view& line) const {
  std::string_view body = line;
  while (!body.empty() && (body.back() == ' ' || body.back() == '\t')) body.remove_suffix(1);
  if (body.empty() || body.back() != file_.escape) return false;
  body.remove_suffix(1);
  if (!body.empty() && body.back() == file_.escape) return false;
  line = body;
  return true;
}

std::optional<LogicalLine> LineReader::next() {
  LogicalLine out;
  while (const auto raw = take_raw()) {
    std::string_view line = without_leading_space(without_newline(*raw));
    if (!line.empty() && line[0] == '#') {
      note_comment(line, line_ == 1);
      continue;
    }
    directives_ = false;
    bool more = continues(line);
    if (line.empty() && !more) continue;
    const auto add = [&](std::string_view whole, std::string_view part) {
      const auto column = static_cast<int>(part.data() - whole.data()) + 1;
      out.pieces.push_back({out.text.size(), {line_, line.empty() ? 1 : column}});
      out.text += part;
    };
    add(*raw, line);
    while (more) {
      const auto following = take_raw();
      if (!following) break;
      if (is_comment(*following)) continue;
      line = without_newline(*following);
      if (without_leading_space(line).empty()) {
        out.empty_continuation = true;
        continue;
      }
      more = continues(line);
      add(*following, line);
    }
    out.comments = std::exchange(comments_, {});
    out.last_line = line_;
    return out;
  }
  return std::nullopt;
}

std::optional<std::string> LineReader::heredoc(std::string_view name, bool strip_tabs) {
  const std::string_view saved = rest_;
  const int saved_line = line_;
  std::string content;
  while (const auto raw = take_raw()) {
    const std::string_view line = strip_tabs ? without_tabs(*raw) : *raw;
    if (without_newline(line) == name) return content;
    content += line;
  }
  rest_ = saved;
  line_ = saved_line;
  return std::nullopt;
}

void LineReader::note_comment(std::string_view line, bool first_line) {
  const std::string_view body = line.substr(1);
  const std::string_view comment = trim_space(body);
  if (directives_) {
    if (first_line && body.substr(0, 1) == "!") {
      shebang_ = true;
    } else if (const auto pair = key_value(body);
               pair && (pair->key == "escape" || pair->key == "syntax" || pair->key == "check")) {
      const Span span{0, line_, 1, line_, static_cast<int>(line.size()) + 1};
      set_directive(pair->key, pair->value, span);
      return;
    } else {
      directives_ = false;
    }
  }
  if (comment.empty()) {
    comments_.clear();
  } else {
    comments_.emplace_back(comment);
  }
}

void LineReader::set_directive(const std::string& key, std::string_view value, Span span) {
  const auto complain = [&](std::string message, std::string help) {
    file_.diagnostics.push_back({Severity::kError, span, std::move(message), std::move(help), {}});
  };
  if (std::find(seen_.begin(), seen_.end(), key) != seen_.end()) {
    complain("only one " + key + " directive can be used", "remove this line");
    return;
  }
  seen_.push_back(key);
  if (key == "syntax") {
    file_.syntax = value;
  } else if (key == "escape") {
    if (shebang_) return;  // read late by the reference implementation: a comment to it, too
    if (value == "`" || value == "\\") {
      file_.escape = value[0];
    } else {
      complain("invalid escape token " + quoted(value), "use \\ or `");
    }
  } else {
    auto options = parse_check_options(value.substr(0, value.find(' ')));
    if (!options) {
      complain(options.error().text(), "as in: check=skip=JSONArgsRecommended;error=true");
      return;
    }
    file_.skip_checks = std::move(options->skip);
    file_.experimental_checks = std::move(options->experimental);
    file_.checks_are_errors = options->error;
  }
}

Result<CheckOptions> parse_check_options(std::string_view text) {
  CheckOptions out;
  for (const std::string_view part : split(trim(text), ';')) {
    const std::size_t equals = part.find('=');
    const std::string_view key = trim(part.substr(0, equals));
    if (equals == std::string_view::npos ||
        (key != "skip" && key != "error" && key != "experimental"))
      return fail(ErrorCode::kInvalid, "invalid check option " + quoted(part));
    const std::string_view value = trim(part.substr(equals + 1));
    if (key == "skip") {
      out.skip = names(value);
    } else if (key == "experimental") {
      out.experimental = names(value);
    } else {
      const std::string flag = to_lower(value);
      out.error = flag == "true" || flag == "1" || flag == "t";
      if (!out.error && flag != "false" && flag != "0" && flag != "f")
        return fail(ErrorCode::kInvalid,
                    "invalid check option " + quoted(part) + ": not true or false");
    }
  }
  return out;
}

}  // namespace slipway::pipeline::dockerfile
