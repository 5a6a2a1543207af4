#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/dockerfile.h"

namespace slipway::pipeline::dockerfile {

struct Place {
  int line = 1;
  int column = 1;
};

/// Lines put together: continuations joined, comments and empty lines between them gone.
struct LogicalLine {
  std::string text;
  std::vector<std::string> comments;  ///< Of the lines before it.
  bool empty_continuation = false;
  int last_line = 0;

  /// Where byte `offset` of the text is in the file.
  Place place(std::size_t offset) const;

  struct Piece {
    std::size_t offset = 0;  ///< Of its first byte in `text`.
    Place place;
  };
  std::vector<Piece> pieces;
};

/// Reads a Dockerfile from top to bottom. Directives go into `file`, complaints about them into its diagnostics.
class LineReader {
 public:
  LineReader(std::string_view text, Dockerfile& file);
  std::optional<LogicalLine> next();
  /// The lines up to the one that is `name`; nothing (and then nothing is taken) when there is none.
  std::optional<std::string> heredoc(std::string_view name, bool strip_tabs);
  int line_number() const { return line_; }

 private:
  std::optional<std::string_view> take_raw();
  bool continues(std::string_view& line) const;
  void note_comment(std::string_view line, bool first_line);
  void set_directive(const std::string& key, std::string_view value, Span span);

  std::string_view rest_;
  Dockerfile& file_;
  int line_ = 0;  ///< Of the raw line taken last.
  std::vector<std::string> comments_;
  std::vector<std::string> seen_;
  bool directives_ = true;  ///< Still at the top.
  bool shebang_ = false;
};

/// The options of `check=`, in the directive and in comments before an instruction. False: `text` is none.
struct CheckOptions {
  std::vector<std::string> skip;
  std::vector<std::string> experimental;
  bool error = false;
};
Result<CheckOptions> parse_check_options(std::string_view text);

}  // namespace slipway::pipeline::dockerfile
