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
  /// Values under 4 bytes (or lines under 4) would mask half the log: kInvalid explains, unless empty (ignored).
  Status add(const std::string& name, std::string_view value);
  bool empty() const;
  /// Replaces every occurrence with "***".
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
/// terminal would), at most 64 KiB a line (the rest follows as more lines marked with a continuation), invalid UTF-8 made valid.
class LineSplitter {
 public:
  static constexpr std::size_t kMaxLine = std::size_t{64} << 10;
  void write(std::string_view piece, std::vector<std::string>& lines);
  void finish(std::vector<std::string>& lines);

 private:
  std::string pending_;
};

}  // namespace slipway::runner
