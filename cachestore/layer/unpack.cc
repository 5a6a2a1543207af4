// Puts the stages of unpacking together: descriptor, decoder, read-ahead thread, hash, tar reader, applier.
#include "cachestore/layer/unpack.h"

#include <unistd.h>

#include <memory>

#include "cachestore/layer/apply.h"
#include "cachestore/layer/fd_source.h"
#include "cachestore/layer/pump.h"
#include "cachestore/layer/tar_header.h"

namespace slipway::cachestore {

Result<Applied> apply_source(ByteSource& raw, const ApplyRequest& request, HashPlain hash,
                             const std::function<void(const UnpackStats&)>& progress,
                             const CancelToken& stop) {
  Decoded decoded = SLIP_TRY(decode(raw, request.source, request.limits.max_ratio, request.rare));
  Applied applied;
  applied.compression = decoded.compression;
  // Of a plain tar the blob and the diff ID are the same bytes, hashed once, in the reading thread.
  const bool hash_here = hash == HashPlain::kYes && decoded.compression != Compression::kNone;
  PumpedChunks pumped(*decoded.bytes, stop);
  HashedChunks hashed(pumped);
  ChunkStream& chunks = hash_here ? static_cast<ChunkStream&>(hashed) : pumped;
  TarReader reader(chunks, request.source, request.limits);
  Applier applier(reader, request.target_fd, request.policy, request.xattrs, request.limits);
  applier.on_progress = progress;
  applier.write_back = request.write_back;
  applied.stats = SLIP_TRY(applier.run());
  if (hash_here) applied.diff_id = hashed.digest();
  return applied;
}

Result<Applied> apply_archive(const ApplyRequest& request, const CancelToken& cancel) {
  const CancelToken stop = cancel.child();
  FdSource raw({request.fd, request.source, request.tee_fd, request.tee_name, stop,
                request.limits.stall, request.limits.total});
  const bool tee = request.tee_fd >= 0;
  std::function<void(const UnpackStats&)> progress;
  if (request.progress) {
    progress = [&](const UnpackStats& stats) { request.progress(raw.bytes(), stats.entries); };
  }
  Applied applied =
      SLIP_TRY(apply_source(raw, request, tee ? HashPlain::kYes : HashPlain::kNo, progress, stop));
  applied.blob_size = raw.bytes();
  if (tee) applied.blob = raw.digest();
  if (tee && applied.compression == Compression::kNone) applied.diff_id = applied.blob;
  return applied;
}

Result<UnpackStats> unpack(int fd, const std::string& source, int target_fd, UnpackPolicy policy,
                           const LayerLimits& limits, const CancelToken& cancel) {
  ApplyRequest request;
  request.fd = fd;
  request.source = source;
  request.target_fd = target_fd;
  request.policy = policy;
  request.xattrs = overlay_xattrs_here();
  request.limits = limits;
  request.rare = RareForms::kYes;
  return SLIP_TRY(apply_archive(request, cancel)).stats;
}

namespace {

class FileStart : public ByteSource {
 public:
  explicit FileStart(int fd) : fd_(fd) {}
  Result<std::size_t> read(std::span<char> out) override {
    const ssize_t n = ::pread(fd_, out.data(), out.size(), at_);
    if (n < 0) return fail_errno("read");
    at_ += n;
    return static_cast<std::size_t>(n);
  }

 private:
  int fd_;
  off_t at_ = 0;
};

}  // namespace

bool is_archive(int fd) {
  FileStart start(fd);
  const Result<Decoded> decoded = decode(start, "file", LayerLimits().max_ratio, RareForms::kYes);
  if (!decoded) return false;
  std::string block(TarHeader::kSize, '\0');
  const auto got = read_full(*decoded->bytes, block);
  return got && *got == block.size() && !is_zero_block(block) &&
         parse_tar_header(block).has_value();
}

}  // namespace slipway::cachestore
