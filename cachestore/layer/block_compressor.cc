// Parallel compression of layers. The ring: the writer fills slots, workers take them in order, the reader gives them
// back in order; whoever is ahead waits.
#include "cachestore/layer/block_compressor.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

namespace slipway::cachestore {
namespace {

// ISA-L's first level: within 3 % of its third in size at one and a half times its speed.
constexpr std::uint32_t kGzipLevel = 1;
constexpr int kZstdLevel = 3;

// Spec: RFC 1952, 2.3: deflate, no flags, no time, unknown system.
constexpr std::string_view kGzipHead("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
// A final block of fixed codes that holds nothing. Spec: RFC 1951, 3.2.3.
constexpr std::string_view kDeflateEnd("\x03\0", 2);

class BlockCoder {
 public:
  virtual ~BlockCoder() = default;
  virtual void encode(const std::string& in, std::string& out) = 0;
};

class GzipCoder : public BlockCoder {
 public:
  void encode(const std::string& in, std::string& out) override {
    // Stored blocks cost five bytes for 64 KiB; an eighth more is far beyond what deflate can grow.
    out.resize(in.size() + in.size() / 8 + 4096);
    isal_zstream stream;
    isal_deflate_stateless_init(&stream);
    stream.level = kGzipLevel;
    stream.level_buf = buffer_.data();
    stream.level_buf_size = static_cast<std::uint32_t>(buffer_.size());
    stream.gzip_flag = IGZIP_DEFLATE;
    stream.flush = FULL_FLUSH;
    stream.end_of_stream = 0;
    stream.next_in = reinterpret_cast<std::uint8_t*>(const_cast<char*>(in.data()));
    stream.avail_in = static_cast<std::uint32_t>(in.size());
    stream.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    stream.avail_out = static_cast<std::uint32_t>(out.size());
    if (isal_deflate_stateless(&stream) != COMP_OK) std::abort();  // the output cannot be too small
    out.resize(stream.total_out);
  }

 private:
  std::vector<std::uint8_t> buffer_ = std::vector<std::uint8_t>(ISAL_DEF_LVL1_DEFAULT);
};

class ZstdCoder : public BlockCoder {
 public:
  void encode(const std::string& in, std::string& out) override {
    out.resize(ZSTD_compressBound(in.size()));
    const std::size_t size =
        ZSTD_compressCCtx(context_.get(), out.data(), out.size(), in.data(), in.size(), kZstdLevel);
    if (ZSTD_isError(size) != 0) std::abort();  // the output cannot be too small
    out.resize(size);
  }

 private:
  struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  std::unique_ptr<ZSTD_CCtx, Free> context_{ZSTD_createCCtx()};
};

std::unique_ptr<BlockCoder> make_coder(Compression compression) {
  if (compression == Compression::kZstd) return std::make_unique<ZstdCoder>();
  return std::make_unique<GzipCoder>();
}

void put_le32(std::string& out, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>((value >> shift) & 0xffU);
}

}  // namespace

BlockCompressor::BlockCompressor(Compression compression, int threads)
    : compression_(compression), slots_(static_cast<std::size_t>(std::max(threads, 1)) + 2) {
  ring_.with([&](Ring& ring) { ring.done.resize(slots_.size(), false); });
  for (int i = 0; i < std::max(threads, 1); ++i) workers_.emplace_back([this] { work(); });
}

BlockCompressor::~BlockCompressor() {
  stop();
  for (std::thread& worker : workers_) worker.join();
}

void BlockCompressor::stop() {
  ring_.with([](Ring& ring) { ring.stopped = true; });
  ring_.notify_all();
}

void BlockCompressor::work() {
  const auto coder = make_coder(compression_);
  for (;;) {
    const auto block = ring_.wait(
        [](const Ring& ring) { return ring.taken < ring.filled || ring.ended || ring.stopped; },
        [](Ring& ring) -> std::optional<std::uint64_t> {
          if (ring.stopped || ring.taken == ring.filled) return std::nullopt;
          return ring.taken++;
        });
    if (!block) return;
    Slot& slot = slots_[*block % slots_.size()];
    coder->encode(slot.in, slot.out);
    ring_.with([&](Ring& ring) { ring.done[*block % slots_.size()] = true; });
    ring_.notify_all();
  }
}

Status BlockCompressor::write(std::string_view data) {
  crc_ = crc32_gzip_refl(crc_, reinterpret_cast<const unsigned char*>(data.data()), data.size());
  total_ += data.size();
  while (!data.empty()) {
    const auto next = ring_.wait(
        [&](const Ring& ring) {
          return ring.filled - ring.released < slots_.size() || ring.stopped;
        },
        [](const Ring& ring) {
          return ring.stopped ? std::nullopt : std::optional<std::uint64_t>(ring.filled);
        });
    if (!next) return fail(ErrorCode::kCancelled, "compress: cancelled");
    std::string& in = slots_[*next % slots_.size()].in;
    const std::string_view part = data.substr(0, kBlock - in.size());
    in.reserve(kBlock);
    in += part;
    data.remove_prefix(part.size());
    if (in.size() == kBlock) submit();
  }
  return {};
}

void BlockCompressor::submit() {
  ring_.with([](Ring& ring) { ++ring.filled; });
  ring_.notify_all();
}

void BlockCompressor::finish(Status how) {
  const bool partial = ring_.with([&](const Ring& ring) {
    return ring.filled - ring.released < slots_.size() &&
           !slots_[ring.filled % slots_.size()].in.empty();
  });
  if (how && partial) submit();
  ring_.with([&](Ring& ring) {
    ring.ended = true;
    if (!how) ring.error = std::move(how).error();
  });
  ring_.notify_all();
}

std::string BlockCompressor::head() const {
  return compression_ == Compression::kGzip ? std::string(kGzipHead) : std::string();
}

std::string BlockCompressor::tail() const {
  if (compression_ != Compression::kGzip) return {};
  std::string end(kDeflateEnd);
  put_le32(end, crc_);
  put_le32(end, static_cast<std::uint32_t>(total_));
  return end;
}

Result<std::size_t> BlockCompressor::read(char* out, std::size_t size) {
  while (piece_at_ == piece_.size()) {
    if (closed_) return std::size_t{0};
    piece_.clear();
    piece_at_ = 0;
    if (!started_) {
      started_ = true;
      piece_ = head();
      continue;
    }
    enum class Next { kPiece, kEnd, kStopped };
    std::optional<Error> error;
    const Next next = ring_.wait(
        [&](const Ring& ring) {
          return ring.done[ring.released % slots_.size()] || ring.stopped || ring.error ||
                 (ring.ended && ring.released == ring.filled);
        },
        [&](Ring& ring) {
          if (ring.error) error = ring.error->clone();
          if (ring.error || ring.stopped) return Next::kStopped;
          if (!ring.done[ring.released % slots_.size()]) return Next::kEnd;
          Slot& slot = slots_[ring.released % slots_.size()];
          piece_.swap(slot.out);
          slot.in.clear();
          ring.done[ring.released % slots_.size()] = false;
          ++ring.released;
          return Next::kPiece;
        });
    if (error) return fail(std::move(*error));
    if (next == Next::kStopped) return fail(ErrorCode::kCancelled, "compress: cancelled");
    if (next == Next::kPiece) ring_.notify_all();
    if (next == Next::kEnd) {
      piece_ = tail();
      closed_ = true;
      if (piece_.empty()) return std::size_t{0};
    }
  }
  const std::size_t n = piece_.copy(out, size, piece_at_);
  piece_at_ += n;
  return n;
}

}  // namespace slipway::cachestore
