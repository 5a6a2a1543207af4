// Diagnostics as text and JSON. Finding them is the business of the other files.
#include <algorithm>
#include <tuple>

#include "base/text.h"
#include "pipeline/diagnostic.h"

namespace slipway::pipeline {

bool has_errors(const std::vector<Diagnostic>& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& d) { return d.severity == Severity::kError; });
}

namespace {

constexpr std::size_t kMaxShown =
    100;  // columns of a source line: fits most terminals with its margin
constexpr std::size_t kTabWidth = 4;

struct Palette {
  const char* error = "";
  const char* warning = "";
  const char* note = "";
  const char* caret = "";
  const char* bold = "";
  const char* off = "";
};
constexpr Palette kPlain;
constexpr Palette kColoured = {"\x1b[1;31m", "\x1b[1;35m", "\x1b[1;36m",
                               "\x1b[1;32m", "\x1b[1m",    "\x1b[0m"};

const SourceFile* source_of(const Span& span, const SourceSet& sources) {
  if (!span.valid() || static_cast<std::size_t>(span.file) >= sources.size()) return nullptr;
  return &sources[static_cast<std::size_t>(span.file)];
}

std::string_view line_of(const std::string& text, int line) {
  std::string_view rest = text;
  for (int at = 1; at < line; ++at) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return {};
    rest.remove_prefix(end + 1);
  }
  rest = rest.substr(0, rest.find('\n'));
  if (!rest.empty() && rest.back() == '\r') rest.remove_suffix(1);
  return rest;
}

// One character of the source as it is shown.
struct Cell {
  std::string text;
  std::size_t width;
  bool marked;
};

std::vector<Cell> cells_of(std::string_view line, const Span& span) {
  std::vector<Cell> cells;
  const std::size_t first = static_cast<std::size_t>(std::max(span.column, 1)) - 1;
  const bool one_line = span.end_line <= span.line;
  const std::size_t last =
      one_line ? static_cast<std::size_t>(std::max(span.end_column, 1)) - 1 : line.size();
  for (std::size_t at = 0; at < line.size();) {
    std::size_t length = 1;
    while (at + length < line.size() &&
           (static_cast<unsigned char>(line[at + length]) & 0xc0) == 0x80)
      ++length;
    const std::string_view bytes = line.substr(at, length);
    std::string shown =
        bytes == "\t" ? std::string(kTabWidth, ' ') : printable(to_valid_utf8(bytes));
    const std::size_t width = display_width(shown);
    cells.push_back({std::move(shown), width, at >= first && at < std::max(last, first + 1)});
    at += length;
  }
  return cells;
}

// The window of cells that is shown: all, or the part around the mark.
std::pair<std::size_t, std::size_t> window(const std::vector<Cell>& cells) {
  std::size_t total = 0;
  for (const Cell& cell : cells) total += cell.width;
  if (total <= kMaxShown) return {0, cells.size()};
  std::size_t mark = 0;
  while (mark < cells.size() && !cells[mark].marked) ++mark;
  // A third of the window before the caret shows what it belongs to.
  std::size_t begin = std::min(mark, cells.size());
  for (std::size_t width = 0; begin > 0 && width + cells[begin - 1].width <= kMaxShown / 3; --begin)
    width += cells[begin - 1].width;
  std::size_t end = begin;
  for (std::size_t width = 0; end < cells.size() && width + cells[end].width <= kMaxShown; ++end)
    width += cells[end].width;
  return {begin, end};
}

// Of a line that is a megabyte long only the part around the mark is looked at.
struct Extract {
  std::string_view text;
  Span span;  // with columns of the extract
  bool cut_before = false;
  bool cut_after = false;
};

bool inside_character(std::string_view line, std::size_t at) {
  return at < line.size() && (static_cast<unsigned char>(line[at]) & 0xc0) == 0x80;
}

Extract around_mark(std::string_view line, Span span) {
  constexpr std::size_t kReach = 4 * kMaxShown;  // bytes; a character has at most four
  if (line.size() <= 2 * kReach) return {line, span};
  const std::size_t mark =
      std::min(static_cast<std::size_t>(std::max(span.column, 1)) - 1, line.size());
  std::size_t begin = mark > kReach ? mark - kReach : 0;
  while (inside_character(line, begin)) ++begin;
  std::size_t end = std::min(mark + kReach, line.size());
  while (inside_character(line, end)) ++end;
  span.column -= static_cast<int>(begin);
  span.end_column -= static_cast<int>(begin);
  return {line.substr(begin, end - begin), span, begin > 0, end < line.size()};
}

// "^~~~" below the marked cells.
std::string underline(const std::vector<Cell>& cells, std::size_t begin, std::size_t end) {
  std::string before;
  std::string marks;
  for (std::size_t at = begin; at < end; ++at) {
    if (cells[at].marked)
      marks += std::string(cells[at].width, '~');
    else if (marks.empty())
      before += std::string(cells[at].width, ' ');
  }
  if (marks.empty()) marks = "^";  // just behind the line's end
  marks.front() = '^';
  return before + marks;
}

std::string source_lines(std::string_view line, const Span& span, const Palette& colours) {
  if (trim(line).empty()) return {};
  const Extract extract = around_mark(line, span);
  const std::vector<Cell> cells = cells_of(extract.text, extract.span);
  const auto [begin, end] = window(cells);
  const bool cut_before = extract.cut_before || begin > 0;
  std::string shown = cut_before ? "…" : "";
  for (std::size_t at = begin; at < end; ++at) shown += cells[at].text;
  if (extract.cut_after || end < cells.size()) shown += "…";
  return "  " + shown + "\n  " + (cut_before ? " " : "") + colours.caret +
         underline(cells, begin, end) + colours.off + "\n";
}

void render_one(std::string& out, const Span& span, std::string_view kind, const char* kind_colour,
                const std::string& message, const SourceSet& sources, const Palette& colours) {
  const SourceFile* source = source_of(span, sources);
  if (source != nullptr) {
    out += colours.bold + printable(source->path);
    if (span.line > 0) out += ":" + std::to_string(span.line) + ":" + std::to_string(span.column);
    out += std::string(": ") + colours.off;
  }
  out += kind_colour + std::string(kind) + ": " + colours.off + colours.bold + message +
         colours.off + "\n";
  if (source != nullptr && span.line > 0)
    out += source_lines(line_of(source->text, span.line), span, colours);
}

std::vector<const Diagnostic*> in_order(const std::vector<Diagnostic>& diagnostics) {
  std::vector<const Diagnostic*> sorted;
  for (const Diagnostic& diagnostic : diagnostics) sorted.push_back(&diagnostic);
  // What has no place (missing values, "more findings") comes last.
  const auto key = [](const Span& span) {
    return std::tuple(span.line <= 0, span.file, span.line, span.column);
  };
  std::stable_sort(sorted.begin(), sorted.end(), [&](const Diagnostic* a, const Diagnostic* b) {
    return key(a->span) < key(b->span);
  });
  return sorted;
}

std::string_view severity_name(Severity severity) {
  return severity == Severity::kError ? "error" : "warning";
}

Json place_json(const Span& span, const SourceSet& sources) {
  Json json;
  const SourceFile* source = source_of(span, sources);
  json.set("file", source == nullptr ? Json() : Json(source->path));
  json.set("line", span.line);
  json.set("column", span.column);
  json.set("end_line", span.end_line);
  json.set("end_column", span.end_column);
  return json;
}

}  // namespace

std::string render(const std::vector<Diagnostic>& diagnostics, const SourceSet& sources,
                   Colour colour) {
  const Palette& colours = colour == Colour::kYes ? kColoured : kPlain;
  std::string out;
  for (const Diagnostic* diagnostic : in_order(diagnostics)) {
    const bool error = diagnostic->severity == Severity::kError;
    render_one(out, diagnostic->span, severity_name(diagnostic->severity),
               error ? colours.error : colours.warning, diagnostic->message, sources, colours);
    if (!diagnostic->help.empty())
      out += std::string("  ") + colours.note + "help: " + colours.off + diagnostic->help + "\n";
    for (const DiagnosticNote& note : diagnostic->notes)
      render_one(out, note.span, "note", colours.note, note.message, sources, colours);
  }
  return out;
}

Json to_json(const std::vector<Diagnostic>& diagnostics, const SourceSet& sources) {
  Json list = Json::array();
  for (const Diagnostic* diagnostic : in_order(diagnostics)) {
    Json item;
    item.set("severity", severity_name(diagnostic->severity));
    const Json place = place_json(diagnostic->span, sources);
    for (const Json::Member& member : place.members()) item.set(member.first, member.second);
    item.set("message", diagnostic->message);
    item.set("help", diagnostic->help);
    Json notes = Json::array();
    for (const DiagnosticNote& note : diagnostic->notes) {
      Json entry = place_json(note.span, sources);
      entry.set("message", note.message);
      notes.push(std::move(entry));
    }
    item.set("notes", std::move(notes));
    list.push(std::move(item));
  }
  return list;
}

}  // namespace slipway::pipeline
