#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"

namespace slipway::runner {

/// A terminal just good enough for what the tty sink writes: text that wraps, CR, LF, cursor up, erase in line and
/// below, hide and show cursor, colours. Any other sequence makes `unknown` true. Keeps what scrolled off the top.
class TinyTerminal {
 public:
  TinyTerminal(std::size_t columns, std::size_t rows) : columns_(columns), rows_(rows) {}

  void feed(std::string_view bytes) {
    pending_ += bytes;
    std::size_t at = 0;
    while (at < pending_.size()) {
      const std::size_t length = one(std::string_view(pending_).substr(at));
      if (length == 0) break;  // incomplete
      at += length;
    }
    pending_.erase(0, at);
  }
  /// Scrolled-off lines and the screen, without empty lines at the end.
  std::vector<std::string> lines() const {
    std::vector<std::string> out = scrolled;
    out.insert(out.end(), screen_.begin(), screen_.end());
    for (std::string& line : out) line.erase(line.find_last_not_of(' ') + 1);
    while (!out.empty() && out.back().empty()) out.pop_back();
    return out;
  }
  std::string text() const { return join(lines(), "\n"); }

  std::vector<std::string> scrolled;
  bool cursor_shown = true;
  bool unknown = false;

 private:
  // Cells are kept as UTF-8 text; the test's wide characters are one column each.
  std::size_t one(std::string_view in) {
    const auto byte = static_cast<unsigned char>(in[0]);
    if (byte == 0x1b) return escape(in);
    if (byte == '\r') return column_ = 0, 1;
    if (byte == '\n') return line_feed(), 1;
    const std::size_t length = byte < 0x80 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    if (in.size() < length) return 0;
    if (column_ == columns_) {
      line_feed();
      column_ = 0;
    }
    put(in.substr(0, length));
    ++column_;
    return length;
  }

  std::size_t escape(std::string_view in) {
    if (in.size() < 2) return 0;
    const std::size_t end = in.find_first_not_of("0123456789;?", 2);
    if (end == std::string_view::npos) return 0;
    const std::string argument(in.substr(2, end - 2));
    const std::size_t number = static_cast<std::size_t>(std::atoi(argument.c_str()));
    switch (in[end]) {
      case 'A':
        row_ -= std::min(row_, std::max<std::size_t>(1, number));
        break;
      case 'K':
        cells(row_).resize(std::min(column_, cells(row_).size()));
        break;
      case 'J':
        cells(row_).resize(std::min(column_, cells(row_).size()));
        screen_.resize(row_ + 1);
        cells_.resize(row_ + 1);
        break;
      case 'h':
      case 'l':
        unknown |= argument != "?25";
        cursor_shown = in[end] == 'h';
        break;
      case 'm':
        break;
      default:
        unknown = true;
    }
    render(row_);
    return end + 1;
  }

  void line_feed() {
    if (++row_ < rows_) return;
    --row_;
    cells(row_);
    scrolled.push_back(screen_.front());
    screen_.erase(screen_.begin());
    cells_.erase(cells_.begin());
  }
  std::vector<std::string>& cells(std::size_t row) {
    if (cells_.size() <= row) cells_.resize(row + 1);
    if (screen_.size() <= row) screen_.resize(row + 1);
    return cells_[row];
  }
  void put(std::string_view character) {
    auto& row = cells(row_);
    if (row.size() <= column_) row.resize(column_ + 1, " ");
    row[column_] = character;
    render(row_);
  }
  void render(std::size_t row) {
    std::string text;
    for (const std::string& cell : cells(row)) text += cell;
    screen_[row] = text;
  }

  std::size_t columns_;
  std::size_t rows_;
  std::size_t row_ = 0;
  std::size_t column_ = 0;
  std::vector<std::vector<std::string>> cells_;
  std::vector<std::string> screen_;
  std::string pending_;
};

}  // namespace slipway::runner
