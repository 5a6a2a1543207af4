#pragma once

#include <utility>

namespace slipway {

/// Owns one file descriptor. Every descriptor is made with O_CLOEXEC (or its equivalent) by whoever makes it.
class [[nodiscard]] Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  explicit operator bool() const { return valid(); }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  /// Closes; errors of close(2) are ignored (callers that care about lost writes call fsync first).
  void reset();

 private:
  int fd_ = -1;
};

}  // namespace slipway
