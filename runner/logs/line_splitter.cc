// From bytes to lines, in bounded memory and independent of how the bytes were cut into pieces.
#include "base/text.h"
#include "runner/logs/masker.h"

namespace slipway::runner {
namespace {

constexpr std::string_view kContinuation = "… ";

/// Where to cut `text` to at most `limit` bytes without splitting a UTF-8 sequence.
std::size_t character_border(std::string_view text, std::size_t limit) {
  std::size_t at = limit;
  while (at > limit - 3 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80 ? limit : at;
}

/// GitLab's section markers are hidden from terminals by the '\r' behind them, and must be read all the same.
bool begins_section(std::string_view line) {
  constexpr std::string_view kEraseLine = "\x1b[0K";
  if (line.starts_with(kEraseLine)) line.remove_prefix(kEraseLine.size());
  return line.starts_with("section_start:") || line.starts_with("section_end:");
}

}  // namespace

void LineSplitter::write(std::string_view piece, std::vector<std::string>& lines) {
  while (!piece.empty()) {
    const std::size_t newline = piece.find('\n');
    add(piece.substr(0, newline), lines);
    if (newline == std::string_view::npos) return;
    end_line(lines);
    piece.remove_prefix(newline + 1);
  }
}

void LineSplitter::finish(std::vector<std::string>& lines) {
  if (!pending_.empty()) end_line(lines);
  returned_ = false;
  continued_ = false;
}

/// `part` holds no '\n'. Only a character after '\r' starts the line anew; "\r\n" and "\r\r\n" end
/// it.
void LineSplitter::add(std::string_view part, std::vector<std::string>& lines) {
  while (!part.empty()) {
    const std::size_t text = std::min(part.find('\r'), part.size());
    if (text > 0) {
      if (returned_ && begins_section(pending_))
        pending_ += '\r';
      else if (returned_)
        pending_.clear();
      returned_ = false;
      append(part.substr(0, text), lines);
    }
    if (text == part.size()) return;
    returned_ = true;
    part.remove_prefix(text + 1);
  }
}

void LineSplitter::append(std::string_view text, std::vector<std::string>& lines) {
  while (pending_.size() + text.size() > kMaxLine) {
    // One byte more than fits decides that the line goes on, and shows where a character begins.
    const std::size_t room = kMaxLine + 1 - pending_.size();
    pending_ += text.substr(0, room);
    text.remove_prefix(room);
    const std::size_t cut = character_border(pending_, kMaxLine);
    std::string rest = pending_.substr(cut);
    pending_.resize(cut);
    emit(lines);
    pending_ = std::move(rest);
    continued_ = true;
  }
  pending_ += text;
}

void LineSplitter::end_line(std::vector<std::string>& lines) {
  emit(lines);
  pending_.clear();
  returned_ = false;
  continued_ = false;
}

void LineSplitter::emit(std::vector<std::string>& lines) {
  lines.push_back((continued_ ? std::string(kContinuation) : std::string()) +
                  (valid_utf8(pending_) ? pending_ : to_valid_utf8(pending_)));
}

}  // namespace slipway::runner
