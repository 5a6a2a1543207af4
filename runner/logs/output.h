#pragma once

#include <string_view>

namespace slipway::runner {

/// Where a sink writes: a borrowed descriptor that may be a terminal, pipe or file, blocking or not. The first
/// error (the reader went away, the disk is full) ends all writing; the run itself goes on.
class TextOutput {
 public:
  explicit TextOutput(int fd) : fd_(fd) {}
  void write(std::string_view text);
  int fd() const { return fd_; }

 private:
  int fd_;
  bool dead_ = false;
};

}  // namespace slipway::runner
