// NAME=value files written by steps and people.
#include "runner/execute/assignments.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace slipway::runner {
namespace {

bool valid_name(std::string_view name) {
  if (name.empty() || std::isdigit(static_cast<unsigned char>(name.front()))) return false;
  return std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '-' || c == '.';
  });
}

class LineReader {
 public:
  explicit LineReader(std::string_view text) : rest_(text) {}
  bool next(std::string_view& line) {
    if (rest_.empty()) return false;
    const std::size_t end = rest_.find('\n');
    line = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view{} : rest_.substr(end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    ++number_;
    return true;
  }
  int number() const { return number_; }

 private:
  std::string_view rest_;
  int number_ = 0;
};

Result<std::string> read_block(LineReader& lines, std::string_view end, const std::string& place) {
  std::string value;
  std::string_view line;
  while (lines.next(line)) {
    if (line == end) {
      if (!value.empty()) value.pop_back();
      return value;
    }
    value.append(line).push_back('\n');
  }
  return fail(ErrorCode::kInvalid, "read " + place + ": block is not closed by " + printable(end));
}

}  // namespace

Result<Assignments> parse_assignments(std::string_view text, const std::string& what) {
  Assignments result;
  LineReader lines(text);
  std::string_view line;
  while (lines.next(line)) {
    const std::string place = what + ":" + std::to_string(lines.number());
    if (trim(line).empty() || trim(line).front() == '#') continue;
    const std::size_t equals = line.find('=');
    const std::size_t block = line.find("<<");
    const bool is_block =
        block != std::string_view::npos && (equals == std::string_view::npos || block < equals);
    if (!is_block && equals == std::string_view::npos) {
      return fail(ErrorCode::kInvalid, "read " + place + ": expected NAME=value");
    }
    const std::string_view name = trim(line.substr(0, is_block ? block : equals));
    if (!valid_name(name)) {
      return fail(ErrorCode::kInvalid,
                  "read " + place + ": \"" + printable(name) + "\" is not a name");
    }
    std::string value = is_block ? SLIP_TRY(read_block(lines, trim(line.substr(block + 2)), place))
                                 : std::string(line.substr(equals + 1));
    result.emplace_back(std::string(name), std::move(value));
  }
  return result;
}

bool reserved_variable(std::string_view name) {
  return name.starts_with("SLIPWAY_") || name.starts_with("LD_") || name == "CI";
}

}  // namespace slipway::runner
