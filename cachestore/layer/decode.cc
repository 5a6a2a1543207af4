// Decompression of archives, in-process and bounded: gzip by ISA-L, zstd by libzstd.
#include "cachestore/layer/decode.h"

#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <vector>

#include "base/guarded.h"
#include "base/units.h"
#include "cachestore/layer/decode_rare.h"

namespace slipway::cachestore {
namespace {

constexpr std::size_t kInputBuffer = std::size_t{256} << 10;
// Below this much output a high ratio is no danger and quite normal (a file of zeros).
constexpr std::uint64_t kRatioFree = std::uint64_t{64} << 20;
// Frames may ask for windows up to 2 GiB. RFC 8878 wants decoders to take 8 MiB, which is what zstd -19 and the
// builders of images stay below; a few need more, but memory is to stay below 64 MiB whatever an image holds.
constexpr unsigned kUsualWindowLog = 23;
constexpr unsigned kMaxWindowLog = 25;
// A zstd frame's header is no longer. Spec: RFC 8878, 3.1.1.1.
constexpr std::size_t kLookAt = 18;
// All windows of the process together: four usual ones, or the largest and a usual one.
constexpr std::uint64_t kWindowBudget = std::uint64_t{40} << 20;

// The first bytes, read to look at, then the rest.
class PrefixedSource : public ByteSource {
 public:
  PrefixedSource(std::string prefix, ByteSource& rest) : prefix_(std::move(prefix)), rest_(rest) {}
  Result<std::size_t> read(std::span<char> out) override {
    if (at_ == prefix_.size()) return rest_.read(out);
    const std::size_t n = prefix_.copy(out.data(), out.size(), at_);
    at_ += n;
    return n;
  }

 private:
  std::string prefix_;
  std::size_t at_ = 0;
  ByteSource& rest_;
};

// What both decoders share: the input buffer and the guard against bombs.
class Decoder : public ByteSource {
 public:
  Decoder(std::unique_ptr<ByteSource> input, std::string name, std::uint64_t max_ratio)
      : input_(std::move(input)),
        name_(std::move(name)),
        max_ratio_(std::max<std::uint64_t>(max_ratio, 1)) {}

 protected:
  // True: there are new bytes in the buffer; false: the input has ended.
  Result<bool> refill() {
    filled_ = SLIP_TRY(input_->read(buffer_));
    taken_ += filled_;
    return filled_ > 0;
  }
  Result<std::size_t> produced(std::size_t n) {
    given_ += n;
    if (given_ > kRatioFree && given_ / max_ratio_ > taken_) {
      return fail(ErrorCode::kExhausted, "decompress " + name_ + ": more than " +
                                             std::to_string(max_ratio_) +
                                             " times its compressed size (a bomb?)");
    }
    return n;
  }
  Error corrupt(std::string_view cause) const {
    return Error(ErrorCode::kCorrupt, "decompress " + name_ + ": " + std::string(cause) +
                                          " near byte " + std::to_string(taken_));
  }

  std::vector<char> buffer_ = std::vector<char>(kInputBuffer);
  std::size_t filled_ = 0;

 private:
  std::unique_ptr<ByteSource> input_;
  std::string name_;
  std::uint64_t max_ratio_;
  std::uint64_t taken_ = 0;
  std::uint64_t given_ = 0;
};

// Spec: RFC 1952; several members follow each other and make one stream.
class GzipSource : public Decoder {
 public:
  using Decoder::Decoder;

  Result<std::size_t> read(std::span<char> out) override {
    state_->next_out = reinterpret_cast<std::uint8_t*>(out.data());
    state_->avail_out = static_cast<std::uint32_t>(out.size());
    while (state_->avail_out == out.size()) {
      if (state_->avail_in == 0) {
        if (!SLIP_TRY(refill())) {
          if (in_member_) return fail(corrupt("truncated gzip data"));
          return std::size_t{0};
        }
        state_->next_in = reinterpret_cast<std::uint8_t*>(buffer_.data());
        state_->avail_in = static_cast<std::uint32_t>(filled_);
      }
      SLIP_TRY(inflate());
    }
    return produced(out.size() - state_->avail_out);
  }

 private:
  Status inflate() {
    if (!in_member_) {
      if (*state_->next_in != 0x1f) return fail(corrupt("garbage after the gzip data"));
      isal_inflate_reset(state_.get());
      state_->crc_flag = ISAL_GZIP;
      in_member_ = true;
    }
    const int code = isal_inflate(state_.get());
    if (code == ISAL_INCORRECT_CHECKSUM) return fail(corrupt("wrong gzip checksum"));
    if (code < 0) return fail(corrupt("damaged gzip data"));
    if (state_->block_state == ISAL_BLOCK_FINISH) in_member_ = false;
    return {};
  }

  static std::unique_ptr<inflate_state> make_state() {
    auto state = std::make_unique<inflate_state>();
    isal_inflate_init(state.get());
    state->avail_in = 0;
    return state;
  }
  std::unique_ptr<inflate_state> state_ = make_state();
  bool in_member_ = false;
};

/// A part of the process's memory for windows; waits until there is enough. Nobody who holds one waits for another.
class WindowShare {
 public:
  explicit WindowShare(std::uint64_t bytes) : bytes_(bytes) {
    in_use().wait([&](std::uint64_t used) { return used + bytes_ <= kWindowBudget; },
                  [&](std::uint64_t& used) { used += bytes_; });
  }
  ~WindowShare() {
    in_use().with([&](std::uint64_t& used) { used -= bytes_; });
    in_use().notify_all();
  }
  WindowShare(const WindowShare&) = delete;
  WindowShare& operator=(const WindowShare&) = delete;

 private:
  static Guarded<std::uint64_t>& in_use() {
    static Guarded<std::uint64_t> used(0);
    return used;
  }
  std::uint64_t bytes_;
};

// The window that the frame beginning with `start` asks for, as a power of two rounded up; 0 when it does not say. A
// frame in one segment has its whole content as its window. Spec: RFC 8878, 3.1.1.1.
unsigned window_log(std::string_view start) {
  constexpr std::array<std::size_t, 4> kDictionaryBytes = {0, 1, 2, 4};
  constexpr std::array<std::size_t, 4> kContentBytes = {1, 2, 4, 8};
  const auto byte = [&](std::size_t at) -> std::uint64_t {
    return at < start.size() ? static_cast<unsigned char>(start[at]) : 0U;
  };
  const std::uint64_t flags = byte(4);
  if ((flags & 0x20U) == 0) {
    return static_cast<unsigned>(10 + (byte(5) >> 3) + ((byte(5) & 7U) != 0 ? 1 : 0));
  }
  const std::size_t at = 5 + kDictionaryBytes[flags & 3U];
  std::uint64_t content = 0;
  for (std::size_t i = 0; i < kContentBytes[flags >> 6]; ++i) content |= byte(at + i) << (8 * i);
  return static_cast<unsigned>(std::bit_width(content));
}

// Spec: RFC 8878; frames and skippable frames follow each other. The first frame decides about the window.
class ZstdSource : public Decoder {
 public:
  ZstdSource(std::unique_ptr<ByteSource> input, std::string name, std::uint64_t max_ratio,
             unsigned log)
      : Decoder(std::move(input), std::move(name), max_ratio),
        log_(log > kUsualWindowLog ? kMaxWindowLog : kUsualWindowLog),
        share_(std::uint64_t{1} << log_) {
    ZSTD_DCtx_setParameter(stream_.get(), ZSTD_d_windowLogMax, static_cast<int>(log_));
  }

  Result<std::size_t> read(std::span<char> out) override {
    ZSTD_outBuffer target = {out.data(), out.size(), 0};
    while (target.pos == 0) {
      if (input_.pos == input_.size && !pending_) {
        if (!SLIP_TRY(refill())) {
          if (!at_frame_end_) return fail(corrupt("truncated zstd data"));
          return std::size_t{0};
        }
        input_ = {buffer_.data(), filled_, 0};
      }
      const std::size_t code = ZSTD_decompressStream(stream_.get(), &target, &input_);
      if (ZSTD_isError(code) != 0) return fail(corrupt(ZSTD_getErrorName(code)));
      at_frame_end_ = code == 0;
      pending_ = target.pos == target.size;  // the decoder may hold more output
    }
    return produced(target.pos);
  }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* stream) const { ZSTD_freeDCtx(stream); }
  };
  unsigned log_;
  WindowShare share_;
  std::unique_ptr<ZSTD_DCtx, Free> stream_{ZSTD_createDCtx()};
  ZSTD_inBuffer input_ = {nullptr, 0, 0};
  bool at_frame_end_ = true;
  bool pending_ = false;
};

struct Magic {
  std::string_view bytes;
  const char* name;  // of what we do not read; null for what we do
  Compression compression;
  RareDecoder rare = nullptr;
};

using namespace std::string_view_literals;
constexpr std::array kMagics = {
    Magic{"\x1f\x8b"sv, nullptr, Compression::kGzip},
    Magic{"\x28\xb5\x2f\xfd"sv, nullptr, Compression::kZstd},
    Magic{"\xfd"
          "7zXZ\0"sv,
          "xz", Compression::kNone, decode_xz},
    Magic{"BZh"sv, "bzip2", Compression::kNone, decode_bzip2},
    Magic{"PK\x03\x04"sv, "zip", Compression::kNone},
};

const Magic* find_magic(std::string_view start) {
  for (const Magic& magic : kMagics) {
    if (start.starts_with(magic.bytes)) return &magic;
  }
  return nullptr;
}

}  // namespace

Result<Decoded> decode(ByteSource& raw, const std::string& name, std::uint64_t max_ratio,
                       RareForms rare) {
  std::string start(kLookAt, '\0');
  start.resize(SLIP_TRY(read_full(raw, start)));
  const Magic* magic = find_magic(start);
  if (magic != nullptr && magic->rare != nullptr && rare == RareForms::kYes) {
    Decoded decoded;
    decoded.bytes = SLIP_TRY(
        magic->rare(std::make_unique<PrefixedSource>(std::move(start), raw), name, max_ratio));
    return decoded;
  }
  if (magic != nullptr && magic->name != nullptr) {
    return fail(ErrorCode::kUnsupported, "read " + name + ": " + magic->name +
                                             " is not supported; use gzip, zstd or plain tar");
  }
  Decoded decoded;
  const unsigned log = window_log(start);
  decoded.bytes = std::make_unique<PrefixedSource>(std::move(start), raw);
  if (magic == nullptr) return decoded;
  decoded.compression = magic->compression;
  if (magic->compression == Compression::kGzip) {
    decoded.bytes = std::make_unique<GzipSource>(std::move(decoded.bytes), name, max_ratio);
  } else {
    if (log > kMaxWindowLog) {
      return fail(ErrorCode::kUnsupported,
                  "decompress " + name +
                      ": its zstd window is larger than 32 MiB; compress it "
                      "without --long and --ultra");
    }
    decoded.bytes = std::make_unique<ZstdSource>(std::move(decoded.bytes), name, max_ratio, log);
  }
  return decoded;
}

}  // namespace slipway::cachestore
