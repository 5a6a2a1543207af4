#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace slipway::runner {

/// What programs write into their output for whoever shows it: groups that can be folded, and annotations. Both of
/// GitHub's form ("::group::Title", "::error file=a.c,line=3::text") and GitLab's ("section_start:TIME:name\r…Title").
struct LogMarker {
  enum class Kind { kGroup, kEndGroup, kAnnotation };
  Kind kind = Kind::kGroup;
  std::string text;   ///< Title of the group, or message.
  std::string level;  ///< kAnnotation: error, warning or notice.
  std::string file;
  std::string line;
};
/// Nothing for an ordinary line.
std::optional<LogMarker> parse_marker(std::string_view line);

}  // namespace slipway::runner
