#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace slipway::runner {

struct HelpStyle {
  std::size_t width = 80;
  bool colour = false;
};

/// Help on a command's path, a group ("image") or, for "", the overview. The topic must exist.
std::string help_text(std::string_view topic, const HelpStyle& style);
/// "runner exec [OPTIONS] [FILE]"
std::string usage_line(std::string_view command_path);
/// docs/cli.md.
std::string help_markdown();

}  // namespace slipway::runner
