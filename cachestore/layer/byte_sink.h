#pragma once

#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/files.h"
#include "base/result.h"

namespace slipway::cachestore {

/// Bytes that are pushed. Not thread-safe.
class ByteSink {
 public:
  virtual ~ByteSink() = default;
  virtual Status write(std::string_view data) = 0;
};

class FdSink : public ByteSink {
 public:
  FdSink(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}  ///< Borrowed.
  Status write(std::string_view data) override { return write_all(fd_, data, name_); }

 private:
  int fd_;
  std::string name_;
};

/// Hashes what passes; `next` may be null.
class HashSink : public ByteSink {
 public:
  explicit HashSink(ByteSink* next = nullptr) : next_(next) {}
  Status write(std::string_view data) override {
    sha_.update(data);
    size_ += data.size();
    return next_ != nullptr ? next_->write(data) : Status();
  }
  Digest digest() { return sha_.finish(); }  ///< After the end, once.
  std::uint64_t size() const { return size_; }

 private:
  ByteSink* next_;
  Sha256 sha_;
  std::uint64_t size_ = 0;
};

}  // namespace slipway::cachestore
