#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::runner {

/// The set of secret values of a run, with all the forms they may be printed in: raw, per line of a multi-line value,
/// base64 at the three phases (standard and URL alphabets), hex, percent-encoded, JSON-escaped, shell-quoted.
class SecretSet {
 public:
  /// Values under 4 bytes would mask half the log: kInvalid explains, unless empty (ignored). Lines under 4 ("{" of a
  /// JSON key) are masked only as part of the whole. At most 1,000 values, 64 KiB each (kExhausted). Not
  /// thread-safe; copies share what was added before they were made.
  Status add(const std::string& name, std::string_view value);
  bool empty() const;
  /// Replaces every occurrence with "***"; occurrences that overlap or touch become one.
  std::string mask(std::string_view text) const;

 private:
  friend class MaskingStream;
  struct Matcher;
  std::shared_ptr<Matcher> matcher_;
};

/// Masks a byte stream in pieces: an occurrence split over pieces is still found. Holds back at most the longest
/// form's length. One pass, Aho-Corasick; not thread-safe.
class MaskingStream {
 public:
  explicit MaskingStream(const SecretSet& secrets);
  ~MaskingStream();
  /// Appends to `out` what is now certain.
  void write(std::string_view piece, std::string& out);
  void finish(std::string& out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Cuts a byte stream into lines for events: at '\n' (a '\r' before it dropped; a lone '\r' starts the line anew as a
/// terminal would), at most 64 KiB a line (the rest follows as more lines that begin with "… "), invalid UTF-8 made
/// valid.
class LineSplitter {
 public:
  static constexpr std::size_t kMaxLine = std::size_t{64} << 10;
  void write(std::string_view piece, std::vector<std::string>& lines);
  void finish(std::vector<std::string>& lines);

 private:
  void add(std::string_view part, std::vector<std::string>& lines);
  void append(std::string_view text, std::vector<std::string>& lines);
  void end_line(std::vector<std::string>& lines);
  void emit(std::vector<std::string>& lines);

  std::string pending_;
  bool returned_ = false;   ///< A '\r' came after pending_.
  bool continued_ = false;  ///< pending_ continues a line that was too long.
};

}  // namespace slipway::runner
