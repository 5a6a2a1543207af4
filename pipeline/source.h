#pragma once

#include <string>
#include <vector>

namespace slipway::pipeline {

/// A place: 1-based line and column (in bytes), half-open to end_line:end_column. file < 0: no place.
struct Span {
  int file = -1;
  int line = 0;
  int column = 0;
  int end_line = 0;
  int end_column = 0;
  bool valid() const { return file >= 0; }
  bool operator==(const Span&) const = default;
};

/// One pipeline file's bytes under the name shown to people ("ci/common.yml").
struct SourceFile {
  std::string path;
  std::string text;
  Span included_at = {};  ///< The entry that brought it; no place for the file the command named.
};

/// All files of one compilation; a Span's `file` indexes it.
using SourceSet = std::vector<SourceFile>;

}  // namespace slipway::pipeline
