#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/cancel.h"
#include "base/fd.h"
#include "cachestore/layer/block_compressor.h"
#include "cachestore/transfer.h"

namespace slipway::cachestore {

/// Bytes in memory; borrowed.
class TextBody : public BlobBody {
 public:
  explicit TextBody(std::string_view text) : text_(text) {}
  std::optional<std::uint64_t> size() const override { return text_.size(); }
  Status seek(std::uint64_t offset) override;
  Result<std::size_t> read(char* data, std::size_t size) override;

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

/// A file of known size.
class FileBody : public BlobBody {
 public:
  FileBody(Fd fd, std::uint64_t size, std::string name, std::function<void(std::uint64_t)> sent)
      : fd_(std::move(fd)), size_(size), name_(std::move(name)), sent_(std::move(sent)) {}
  std::optional<std::uint64_t> size() const override { return size_; }
  Status seek(std::uint64_t offset) override;
  Result<std::size_t> read(char* data, std::size_t size) override;

 private:
  Fd fd_;
  std::uint64_t size_;
  std::uint64_t at_ = 0;
  std::string name_;
  std::function<void(std::uint64_t)> sent_;
};

/// A tar that is made, hashed, compressed in parallel and hashed again while it is uploaded. Going back makes it anew:
/// the same tree gives the same bytes.
class PackedBody : public BlobBody {
 public:
  using MakeTar = std::function<Status(ByteSink& out, const CancelToken& cancel)>;
  PackedBody(MakeTar make, Compression compression, const CancelToken& cancel,
             std::function<void(std::uint64_t)> sent);
  ~PackedBody() override;

  std::optional<std::uint64_t> size() const override { return std::nullopt; }
  Status seek(std::uint64_t offset) override;
  Result<std::size_t> read(char* data, std::size_t size) override;

  // After the end:
  const Digest& digest() const { return digest_; }
  const Digest& diff_id() const { return diff_id_; }
  std::uint64_t bytes() const { return at_; }

 private:
  struct Run;
  MakeTar make_;
  Compression compression_;
  CancelToken cancel_;
  std::function<void(std::uint64_t)> sent_;
  std::unique_ptr<Run> run_;
  std::uint64_t at_ = 0;
  Digest digest_;
  Digest diff_id_;
};

}  // namespace slipway::cachestore
