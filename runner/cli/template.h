#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace slipway::runner {

/// `--format`: the part of Go's text/template that people use with docker. Fields `.A.B`, `.Label "KEY"`, variables
/// `$x :=`, `$`, docker's functions `json join lower upper title split pad truncate` and Go's `len index slice print
/// printf println eq ne lt le gt ge not and or`, pipes, parentheses and their fields `(index .A 0).B`, literals,
/// if/else if/else/range/with/end, comments and `{{- -}}`. No templates of the user's own, no break; at most 64 KiB of
/// text and 1 MiB of output, nesting at most 32.
class FormatTemplate {
 public:
  /// kInvalid: `parse template: 1:7: unknown function "jsn"`.
  static Result<FormatTemplate> parse(std::string_view text);
  FormatTemplate(FormatTemplate&&) noexcept;
  FormatTemplate& operator=(FormatTemplate&&) noexcept;
  ~FormatTemplate();
  /// kInvalid for a field that the item does not have (with the near or possible names).
  Result<std::string> render(const Json& item) const;

  struct Node;

 private:
  FormatTemplate();
  std::unique_ptr<Node> root_;
};

/// Columns of docker's tables: cells separated by tabs, padded to the widest with three spaces between.
std::string align_columns(const std::vector<std::string>& rows);

/// Items by `--format`: "table …" adds a line made of `headings` (field -> heading) and aligns; "json" is `{{json .}}`.
/// `\t` and `\n` in the template are a tab and a new line, as docker reads them.
Result<std::string> format_items(std::string_view format, const Json& headings,
                                 const std::vector<Json>& items);

}  // namespace slipway::runner
