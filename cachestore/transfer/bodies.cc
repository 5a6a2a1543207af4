// What is uploaded, and how each kind begins again when an upload breaks.
#include "cachestore/transfer/bodies.h"

#include <unistd.h>

#include <algorithm>
#include <array>

namespace slipway::cachestore {
namespace {

// More than four threads for one layer help only where four layers do not run beside it, and each costs a MiB.
constexpr unsigned kMaxThreads = 4;

int compressor_threads() {
  return static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, kMaxThreads));
}

}  // namespace

Status TextBody::seek(std::uint64_t offset) {
  at_ = static_cast<std::size_t>(std::min<std::uint64_t>(offset, text_.size()));
  return {};
}

Result<std::size_t> TextBody::read(char* data, std::size_t size) {
  const std::size_t n = text_.copy(data, size, at_);
  at_ += n;
  return n;
}

Status FileBody::seek(std::uint64_t offset) {
  at_ = offset;
  return {};
}

Result<std::size_t> FileBody::read(char* data, std::size_t size) {
  const std::size_t most = std::min<std::uint64_t>(size, size_ - std::min(at_, size_));
  if (most == 0) return std::size_t{0};
  for (;;) {
    const ssize_t n = ::pread(fd_.get(), data, most, static_cast<off_t>(at_));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno("read " + name_);
    if (n == 0) return fail(ErrorCode::kUnavailable, "read " + name_ + ": it became shorter");
    at_ += static_cast<std::uint64_t>(n);
    if (sent_) sent_(at_);
    return static_cast<std::size_t>(n);
  }
}

/// One making of the tar, from its beginning.
struct PackedBody::Run {
  Run(const MakeTar& make, Compression compression, const CancelToken& parent)
      : stop(parent.child()), compressor(compression, compressor_threads()), tar(&compressor) {
    packer = std::thread([this, &make] { compressor.finish(make(tar, stop)); });
  }
  ~Run() {
    stop.cancel(CancelLevel::kTerminate);
    compressor.stop();
    packer.join();
  }
  CancelToken stop;
  BlockCompressor compressor;
  HashSink tar;
  Sha256 sha;
  std::thread packer;
};

PackedBody::PackedBody(MakeTar make, Compression compression, const CancelToken& cancel,
                       std::function<void(std::uint64_t)> sent)
    : make_(std::move(make)), compression_(compression), cancel_(cancel), sent_(std::move(sent)) {}

PackedBody::~PackedBody() = default;

Status PackedBody::seek(std::uint64_t offset) {
  if (offset < at_) {
    run_.reset();
    at_ = 0;
  }
  std::array<char, 16384> ignored;
  while (at_ < offset) {
    const std::size_t most = std::min<std::uint64_t>(ignored.size(), offset - at_);
    if (SLIP_TRY(read(ignored.data(), most)) == 0) {
      return fail(ErrorCode::kInvalid, "pack: the registry claims more bytes than there are");
    }
  }
  return {};
}

Result<std::size_t> PackedBody::read(char* data, std::size_t size) {
  if (cancel_.cancelled()) return fail(ErrorCode::kCancelled, "pack: cancelled");
  if (run_ == nullptr) {
    if (at_ != 0) return std::size_t{0};
    run_ = std::make_unique<Run>(make_, compression_, cancel_);
  }
  const std::size_t n = SLIP_TRY(run_->compressor.read(data, size));
  if (n == 0) {
    digest_ = run_->sha.finish();
    diff_id_ = run_->tar.digest();
    run_.reset();
    return n;
  }
  run_->sha.update(std::string_view(data, n));
  at_ += n;
  if (sent_) sent_(at_);
  return n;
}

}  // namespace slipway::cachestore
