// Places of scalars in the source text. yaml-cpp gives only the start of a node, and says nothing
// about quotes that are never closed.
#include "pipeline/yaml/locate.h"

#include <algorithm>

namespace slipway::pipeline::yaml {

Span span_at(std::string_view text, int file, std::size_t offset) {
  offset = std::min(offset, text.size());
  const std::string_view before = text.substr(0, offset);
  const auto line = static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1;
  const std::size_t start = before.rfind('\n') + 1;  // npos + 1 is 0
  const auto column = static_cast<int>(offset - start) + 1;
  return {file, line, column, line, column + 1};
}

std::string_view line_text(std::string_view text, int line) {
  for (int at = 1; at < line; ++at) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  return text;
}

namespace {

bool blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// A cursor that keeps line and column while it moves.
struct Cursor {
  std::string_view text;
  std::size_t at;
  int line;
  int column;

  bool done() const { return at >= text.size(); }
  char peek() const { return done() ? '\0' : text[at]; }
  void advance() {
    if (text[at++] == '\n') {
      ++line;
      column = 1;
    } else {
      ++column;
    }
  }
  void skip_blank() {
    while (!done() && blank(peek())) advance();
  }
};

// `&anchor` and `!tag` may stand before the content, on lines of their own as well.
void skip_properties(Cursor& cursor) {
  while (cursor.peek() == '&' || cursor.peek() == '!') {
    while (!cursor.done() && !blank(cursor.peek())) cursor.advance();
    cursor.skip_blank();
  }
}

void locate_quoted(Cursor cursor, ScalarPlace& place) {
  const char quote = cursor.peek();
  const int first_line = cursor.line;
  cursor.advance();
  place.content = {place.span.file, cursor.line, cursor.column, cursor.line, cursor.column + 1};
  int end_column = cursor.column;
  place.closed = false;
  while (!cursor.done()) {
    const char c = cursor.peek();
    if (c == '\\' && quote == '"') {
      cursor.advance();
      if (cursor.done()) break;
    } else if (c == quote) {
      cursor.advance();
      if (quote == '"' || cursor.peek() != quote) {
        place.closed = true;
        if (cursor.line == first_line) end_column = cursor.column;
        break;
      }
    }
    if (cursor.line == first_line && cursor.peek() != '\n') end_column = cursor.column + 1;
    cursor.advance();
  }
  place.span.end_column = end_column;
}

void locate_block(Cursor cursor, ScalarPlace& place) {
  while (!cursor.done() && cursor.peek() != '\n') cursor.advance();
  place.span.end_column = cursor.column;
  const int line = cursor.line + 1;
  cursor.skip_blank();  // leading blank lines belong to the scalar; only the indentation is of
                        // interest
  place.content = {place.span.file, line, cursor.column, line, cursor.column + 1};
}

}  // namespace

ScalarPlace locate_scalar(std::string_view text, int file, std::size_t offset, int line,
                          int column) {
  Cursor cursor{text, std::min(offset, text.size()), line, column};
  skip_properties(cursor);
  ScalarPlace place;
  place.span = {file, cursor.line, cursor.column, cursor.line, cursor.column + 1};
  place.content = place.span;
  const char first = cursor.peek();
  if (first == '"' || first == '\'') {
    place.opener = first;
    locate_quoted(cursor, place);
  } else if (first == '|' || first == '>') {
    place.opener = first;
    locate_block(cursor, place);
  }
  return place;
}

}  // namespace slipway::pipeline::yaml
