// Follows the quoting of a shell script.
//
// A stack of frames says where we are: a command (the script itself, $(…), `…`, <(…)), "…", a
// here-document's body, ${…} or arithmetic. Each kind of frame has a function that takes one step.
// Nothing here decides over safety: what the listener puts in is a reference to a variable whatever
// we believe the quoting to be, so a construct that we follow wrongly can split or garble a value
// but never run it. The exception is arithmetic, where bash itself evaluates values: that is why it
// is told apart. Spec: POSIX.1-2017, XCU 2.2 "Quoting", 2.3 "Token Recognition".
#include "pipeline/expand/shell_text.h"

#include <algorithm>
#include <array>

#include "pipeline/expand/scan.h"
#include "pipeline/expand/shell_frame.h"

namespace slipway::pipeline {
namespace {

constexpr std::size_t kMaxFrames = 1000;  // no script nests so far; bounds memory
constexpr int kMaxHereDocDepth =
    20;  // bounds recursion: a body is followed by a follower of its own
// How far `$((` is looked through to tell arithmetic from a subshell in a substitution; bounds the time.
constexpr std::size_t kArithmeticWindow = 1024;

constexpr std::array<std::string_view, 10> kCommandFollows{
    "then", "do", "else", "elif", "if", "while", "until", "{", "!", "time"};
constexpr std::array<std::string_view, 7> kArithmeticTests{"-eq", "-ne", "-lt", "-le",
                                                           "-gt", "-ge", "-v"};

template <std::size_t N>
bool one_of(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}
bool is_variable(std::string_view word) {
  return !word.empty() && !(word[0] >= '0' && word[0] <= '9') &&
         std::all_of(word.begin(), word.end(), is_name);
}
bool is_blank(char c) { return c == ' ' || c == '\t'; }
bool ends_word(char c) {
  return is_blank(c) || std::string_view("\n;&|<>()").find(c) != std::string_view::npos;
}

class Follower {
 public:
  Follower(std::string_view text, ShellListener& listener, std::string& out)
      : Follower(text, 0, FrameKind::kCommand, 0, listener, out) {}

  void run() {
    while (at_ < text_.size()) {
      if (!mark()) step();
    }
    for (ShellFrame& frame : frames_) end_test(frame);
  }

 private:
  Follower(std::string_view text, std::size_t begin, FrameKind kind, int depth,
           ShellListener& listener, std::string& out)
      : text_(text), at_(begin), here_doc_depth_(depth), listener_(listener), out_(out) {
    push(kind);
  }

  ShellFrame& top() { return frames_.back(); }
  char peek(std::size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  bool looking_at(std::string_view what) const { return text_.substr(at_).starts_with(what); }
  void copy(std::size_t count = 1) {
    count = std::min(count, text_.size() - at_);
    out_ += text_.substr(at_, count);
    at_ += count;
  }

  void push(FrameKind kind, char closer = '\0') {
    if (frames_.size() == kMaxFrames) {
      too_deep_ = true;  // from here on no expression is taken
      return;
    }
    ShellFrame frame;
    frame.kind = kind;
    frame.closer = closer;
    const bool command = kind == FrameKind::kCommand;
    if (!frames_.empty()) {
      const ShellFrame& outer = top();
      frame.command = outer.command;
      frame.backtick = outer.backtick;
      frame.in_arithmetic = !command && outer.in_arithmetic;
      frame.quoted = outer.kind == FrameKind::kDouble || outer.kind == FrameKind::kHereDoc ||
                     (outer.kind == FrameKind::kBrace && outer.quoted);
    }
    if (command) frame.command = frames_.size();
    if (command && closer == '`') frame.backtick = frames_.size() + 1;
    if (kind == FrameKind::kArithmetic) frame.in_arithmetic = true;
    frames_.push_back(std::move(frame));
  }

  void pop() {
    end_test(top());
    if (frames_.size() > 1) frames_.pop_back();
  }

  // --- marks

  Quoting quoting(Quoting inner) {
    if (too_deep_) return Quoting::kTooDeep;
    return top().in_arithmetic ? Quoting::kArithmetic : inner;
  }
  Quoting frame_quoting() {
    const ShellFrame& frame = top();
    const bool doubled = frame.kind == FrameKind::kDouble || frame.kind == FrameKind::kHereDoc ||
                         (frame.kind == FrameKind::kBrace && frame.quoted);
    return quoting(doubled ? Quoting::kDouble : Quoting::kNone);
  }

  bool mark() { return mark_as(frame_quoting()); }

  bool mark_as(Quoting found) {
    if (!looking_at(kOpenMark) && !looking_at(kEscapedMark)) return false;
    ShellFrame& command = frames_[top().command];
    if (command.in_test && looking_at(kOpenMark)) command.test_marks.push_back(at_);
    taint();
    at_ = std::max(listener_.on_mark(text_, at_, found, out_), at_ + 1);
    return true;
  }

  // --- words of a command

  void taint() {
    if (top().kind != FrameKind::kCommand) return;
    top().word_started = true;
    if (top().word.empty() || top().word.back() != '\0') top().word += '\0';
  }

  void end_test(ShellFrame& frame) {
    if (frame.in_test && frame.arithmetic_test) {
      for (const std::size_t at : frame.test_marks) listener_.on_trap(at, Quoting::kArithmeticTest);
    }
    frame.in_test = frame.arithmetic_test = false;
    frame.test_marks.clear();
  }

  void end_word() {
    ShellFrame& frame = top();
    if (!frame.word_started) return;
    frame.word_started = frame.after_for = false;
    const std::string word = std::move(frame.word);
    frame.word.clear();
    if (frame.in_test) {
      if (word == "]]") end_test(frame);
      frame.arithmetic_test = frame.arithmetic_test || one_of(kArithmeticTests, word);
      return;
    }
    if (!frame.command_position) {
      frame.command_position = frame.cases > 0 && word == "in";
      return;
    }
    if (word == "case") ++frame.cases;
    if (word == "esac" && frame.cases > 0) --frame.cases;
    if (word == "[[") frame.in_test = true;
    frame.after_for = word == "for";
    const bool assignment = word.find('=') != std::string::npos;
    frame.command_position = assignment || one_of(kCommandFollows, word);
  }

  void end_command() {
    end_word();
    top().command_position = true;
  }

  // --- one step in each kind of frame

  void step() {
    switch (top().kind) {
      case FrameKind::kCommand:
        return command();
      case FrameKind::kDouble:
        return doubled();
      case FrameKind::kHereDoc:
        return doubled();
      case FrameKind::kBrace:
        return brace();
      case FrameKind::kArithmetic:
        return arithmetic();
    }
  }

  // What means the same in every frame; false when it is an ordinary character there.
  bool common() {
    const char c = peek();
    if (c == '\\') return backslash();
    if (c == '`') return backtick();
    return c == '$' && dollar();
  }

  bool backslash() {
    if (text_.substr(at_ + 1).starts_with(kOpenMark)) {
      copy();
      return mark_as(too_deep_ ? Quoting::kTooDeep : Quoting::kAfterBackslash);
    }
    if (peek(1) != '\n') taint();
    copy(2);
    return true;
  }

  // A bare backtick ends the innermost `…`, whatever is still open in it; else it begins one.
  bool backtick() {
    taint();
    copy();
    const std::size_t open = top().backtick;
    if (open == 0) {
      push(FrameKind::kCommand, '`');
      return true;
    }
    end_word_if_command();
    while (frames_.size() >= open && frames_.size() > 1) pop();
    return true;
  }

  void end_word_if_command() {
    if (top().kind == FrameKind::kCommand) end_word();
  }

  bool dollar() {
    taint();
    if (looking_at("$((") && is_arithmetic(at_ + 1)) return open(FrameKind::kArithmetic, 3, ')');
    if (looking_at("$(")) return open(FrameKind::kCommand, 2, ')');
    if (looking_at("$[")) return open(FrameKind::kArithmetic, 2, ']');
    if (looking_at("${")) return open_brace();
    if (looking_at("$'") && frame_is_unquoted()) {
      copy();
      quoted_text(Quoting::kAnsi);
      return true;
    }
    // $$ is taken whole, so that the second one does not begin anything.
    copy(peek(1) == '$' && !text_.substr(at_ + 1).starts_with(kOpenMark) ? 2 : 1);
    return true;
  }

  bool frame_is_unquoted() {
    return top().kind == FrameKind::kCommand || (top().kind == FrameKind::kBrace && !top().quoted);
  }

  bool open(FrameKind kind, std::size_t length, char closer) {
    copy(length);
    push(kind, closer);
    return true;
  }

  // ${name, then perhaps [subscript] or :offset, which bash evaluates as arithmetic.
  bool open_brace() {
    open(FrameKind::kBrace, 2, '}');
    if (peek() == '!' || (peek() == '#' && peek(1) != '}')) copy();
    const std::size_t begin = at_;
    while (is_name(peek())) copy();
    if (at_ == begin && std::string_view("@*?#-$!").find(peek()) != std::string_view::npos &&
        peek(1) == ':')
      copy();
    if (at_ > begin && peek() == '[') return open(FrameKind::kArithmetic, 1, ']');
    mark_offset();
    return true;
  }

  void mark_offset() {
    const bool offset =
        peek() == ':' && std::string_view("-=+?").find(peek(1)) == std::string_view::npos;
    if (offset && top().kind == FrameKind::kBrace) top().in_arithmetic = true;
  }

  // From the first of two opening parentheses: do two closing ones end them side by side?
  bool is_arithmetic(std::size_t begin) const {
    const std::size_t end = std::min(text_.size(), begin + kArithmeticWindow);
    int depth = 0;
    for (std::size_t i = begin; i < end; ++i) {
      if (text_[i] == '(') ++depth;
      if (text_[i] != ')') continue;
      if (--depth == 1) return i + 1 < text_.size() && text_[i + 1] == ')';
    }
    return true;  // the safe guess: an expression in it is refused
  }

  void command() {
    const char c = peek();
    if (c == '#' && !top().word_started) return comment();
    if (common()) return;
    switch (c) {
      case '\'':
        return quoted_text(Quoting::kSingle);
      case '"':
        taint();
        open(FrameKind::kDouble, 1, '"');
        return;
      case '\n':
        return newline();
      case '(':
        return open_parenthesis();
      case ')':
        return close_parenthesis();
      case '<':
      case '>':
        return redirection();
      case '[':
        if (top().command_position && is_variable(top().word)) {
          taint();
          open(FrameKind::kArithmetic, 1, ']');
          return;
        }
        break;
      default:
        break;
    }
    if (is_blank(c)) {
      end_word();
    } else if (c == ';' || c == '&' || c == '|') {
      end_word();
      if (c == ';') end_test(top());
      top().command_position = !top().in_test;  // [[ has its own && and ||
    } else {
      top().word_started = true;
      // Keywords and names are short; a longer word need not be known whole.
      if (top().word.size() < 256) top().word += c;
    }
    copy();
  }

  void comment() { copy(std::min(text_.find('\n', at_), text_.size()) - at_); }

  void newline() {
    end_command();
    copy();
    std::vector<HereDoc> bodies = std::move(top().pending);
    top().pending.clear();
    for (const HereDoc& body : bodies) here_document(body);
  }

  void open_parenthesis() {
    const bool command_place = top().command_position || top().after_for;
    if (command_place && !top().word_started && peek(1) == '(' && is_arithmetic(at_)) {
      open(FrameKind::kArithmetic, 2, ')');
      return;
    }
    end_command();
    ++top().depth;
    copy();
  }

  void close_parenthesis() {
    end_command();
    copy();
    if (top().depth > 0) {
      --top().depth;
    } else if (top().cases == 0 && top().closer == ')') {
      pop();
    }
  }

  void redirection() {
    end_word();
    if (looking_at("<<<")) return copy(3);
    if (looking_at("<<") && !top().in_test) return here_document_start();
    if (peek(1) == '(') {
      open(FrameKind::kCommand, 2, ')');
      return;
    }
    copy();
  }

  // '…' or $'…' from its opening quote; the listener closes and opens it again around a reference.
  void quoted_text(Quoting kind) {
    taint();
    copy();
    while (at_ < text_.size() && peek() != '\'') {
      if (mark_as(quoting(kind))) continue;
      if (kind == Quoting::kAnsi && peek() == '\\') {
        backslash();
      } else {
        copy();
      }
    }
    copy();
  }

  void doubled() {
    if (common()) return;
    const bool closes = peek() == '"' && top().kind == FrameKind::kDouble;
    copy();
    if (closes) pop();
  }

  void brace() {
    if (common()) return;
    const char c = peek();
    if (c == '\'' && !top().quoted) return quoted_text(Quoting::kSingle);
    if (c == '"') {
      open(FrameKind::kDouble, 1, '"');
      return;
    }
    copy();
    if (c == '}') pop();
  }

  void arithmetic() {
    if (common()) return;
    const char c = peek();
    if (c == '\'') return quoted_text(Quoting::kSingle);
    if (c == '"') {
      open(FrameKind::kDouble, 1, '"');
      return;
    }
    const char closer = top().closer;
    const char opener = closer == ')' ? '(' : '[';
    copy();
    if (c == opener) ++top().depth;
    if (c != closer) return;
    if (top().depth-- > 0) return;
    if (closer == ')' && peek() == ')') copy();
    pop();
    mark_offset();
  }

  // --- here-documents

  void here_document_start() {
    copy(2);
    HereDoc document;
    if (peek() == '-') {
      document.strip_tabs = true;
      copy();
    }
    while (is_blank(peek())) copy();
    while (at_ < text_.size() && !ends_word(peek())) {
      if (mark_as(Quoting::kHereDocEnd)) continue;
      here_document_word(document);
    }
    if (!document.end.empty() || document.quoted) top().pending.push_back(std::move(document));
  }

  // A quoted part of the end word, or one character.
  void here_document_word(HereDoc& document) {
    const char c = peek();
    if (c == '\\') {
      document.quoted = true;
      if (peek(1) != '\0') document.end += peek(1);
      return copy(2);
    }
    if (c != '\'' && c != '"') {
      document.end += c;
      return copy();
    }
    document.quoted = true;
    copy();
    while (at_ < text_.size() && peek() != c) {
      document.end += peek();
      copy();
    }
    copy();
  }

  // Copies the body, which begins at at_, and its end line.
  void here_document(const HereDoc& document) {
    std::size_t body_end = at_;
    std::size_t next = text_.size();
    for (;;) {
      if (body_end >= text_.size()) {
        body_end = text_.size();
        break;
      }
      const std::size_t line_end = std::min(text_.find('\n', body_end), text_.size());
      std::string_view line = text_.substr(body_end, line_end - body_end);
      if (document.strip_tabs)
        line.remove_prefix(std::min(line.find_first_not_of('\t'), line.size()));
      if (line == document.end) {
        next = std::min(line_end + 1, text_.size());
        break;
      }
      body_end = std::min(line_end + 1, text_.size());
    }
    here_document_body(document, body_end);
    copy(next - at_);
  }

  void here_document_body(const HereDoc& document, std::size_t end) {
    const std::string_view whole = text_;
    text_ = whole.substr(0, end);
    if (document.quoted || here_doc_depth_ == kMaxHereDocDepth) {
      const Quoting kind = document.quoted ? Quoting::kQuotedHereDoc : Quoting::kTooDeep;
      while (at_ < end) {
        if (!mark_as(kind)) copy();
      }
    } else {
      Follower body(text_, at_, FrameKind::kHereDoc, here_doc_depth_ + 1, listener_, out_);
      body.run();
      at_ = body.at_;
    }
    text_ = whole;
  }

  std::string_view text_;
  std::size_t at_;
  int here_doc_depth_;
  ShellListener& listener_;
  std::string& out_;
  std::vector<ShellFrame> frames_;
  bool too_deep_ = false;
};

}  // namespace

std::string follow_shell(std::string_view text, ShellListener& listener) {
  std::string out;
  out.reserve(text.size());
  Follower(text, listener, out).run();
  return out;
}

}  // namespace slipway::pipeline
