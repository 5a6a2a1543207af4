// The compressions of archives that people ADD, but no layer has: xz by liblzma, bzip2 by libbz2.
#include "cachestore/layer/decode_rare.h"

#include <bzlib.h>
#include <dlfcn.h>
#include <lzma.h>

#include <algorithm>
#include <vector>

#include "base/units.h"

namespace slipway::cachestore {
namespace {

constexpr std::size_t kInputBuffer = std::size_t{256} << 10;
// As in decode.cc: below this much output a high ratio is quite normal.
constexpr std::uint64_t kRatioFree = std::uint64_t{64} << 20;
// xz -9 needs 65 MiB to decode; more only somebody with a dictionary of their own asks for.
constexpr std::uint64_t kXzMemory = std::uint64_t{96} << 20;

struct Symbol {
  const char* name;
  void** target;
};

Status load(const char* library, const char* package, std::initializer_list<Symbol> symbols) {
  void* handle = ::dlopen(library, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    return fail(ErrorCode::kUnsupported, std::string("decompress: cannot load ") + library +
                                             "; install it with: apt-get install " + package);
  }
  for (const Symbol& symbol : symbols) {
    *symbol.target = ::dlsym(handle, symbol.name);
    if (*symbol.target != nullptr) continue;
    return fail(ErrorCode::kUnsupported,
                std::string("decompress: ") + library + " has no function " + symbol.name);
  }
  return {};
}

struct Lzma {
  decltype(&::lzma_stream_decoder) stream_decoder = nullptr;
  decltype(&::lzma_code) code = nullptr;
  decltype(&::lzma_end) end = nullptr;

  static Result<const Lzma*> get() {
    static Lzma lzma;
    static const Status loaded =
        load("liblzma.so.5", "liblzma5",
             {{"lzma_stream_decoder", reinterpret_cast<void**>(&lzma.stream_decoder)},
              {"lzma_code", reinterpret_cast<void**>(&lzma.code)},
              {"lzma_end", reinterpret_cast<void**>(&lzma.end)}});
    if (!loaded) return fail(loaded.error().clone());
    return &lzma;
  }
};

struct Bzip2 {
  decltype(&::BZ2_bzDecompressInit) init = nullptr;
  decltype(&::BZ2_bzDecompress) decompress = nullptr;
  decltype(&::BZ2_bzDecompressEnd) end = nullptr;

  static Result<const Bzip2*> get() {
    static Bzip2 bzip2;
    static const Status loaded =
        load("libbz2.so.1.0", "libbz2-1.0",
             {{"BZ2_bzDecompressInit", reinterpret_cast<void**>(&bzip2.init)},
              {"BZ2_bzDecompress", reinterpret_cast<void**>(&bzip2.decompress)},
              {"BZ2_bzDecompressEnd", reinterpret_cast<void**>(&bzip2.end)}});
    if (!loaded) return fail(loaded.error().clone());
    return &bzip2;
  }
};

class RareSource : public ByteSource {
 public:
  RareSource(std::unique_ptr<ByteSource> input, std::string name, std::uint64_t max_ratio)
      : input_(std::move(input)),
        name_(std::move(name)),
        max_ratio_(std::max<std::uint64_t>(max_ratio, 1)) {}

 protected:
  Result<std::size_t> refill() {
    const std::size_t got = SLIP_TRY(input_->read(buffer_));
    taken_ += got;
    return got;
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
  tl::unexpected<Error> corrupt(const char* cause) const {
    return fail(ErrorCode::kCorrupt,
                "decompress " + name_ + ": " + cause + " near byte " + std::to_string(taken_));
  }

  std::vector<char> buffer_ = std::vector<char>(kInputBuffer);

 private:
  std::unique_ptr<ByteSource> input_;
  std::string name_;
  std::uint64_t max_ratio_;
  std::uint64_t taken_ = 0;
  std::uint64_t given_ = 0;
};

// Spec: The .xz File Format, 1.1.0.
class XzSource : public RareSource {
 public:
  XzSource(const Lzma& lzma, std::unique_ptr<ByteSource> input, const std::string& name,
           std::uint64_t max_ratio)
      : RareSource(std::move(input), name, max_ratio), lzma_(lzma) {
    usable_ = lzma_.stream_decoder(&stream_, kXzMemory, LZMA_CONCATENATED) == LZMA_OK;
  }
  XzSource(const XzSource&) = delete;
  XzSource& operator=(const XzSource&) = delete;
  ~XzSource() override { lzma_.end(&stream_); }

  Result<std::size_t> read(std::span<char> out) override {
    if (!usable_) return fail(ErrorCode::kExhausted, "decompress xz: out of memory");
    stream_.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    stream_.avail_out = out.size();
    while (!ended_ && stream_.avail_out == out.size()) {
      if (stream_.avail_in == 0 && !input_ended_) {
        stream_.avail_in = SLIP_TRY(refill());
        stream_.next_in = reinterpret_cast<const std::uint8_t*>(buffer_.data());
        input_ended_ = stream_.avail_in == 0;
      }
      const lzma_ret code = lzma_.code(&stream_, input_ended_ ? LZMA_FINISH : LZMA_RUN);
      if (code == LZMA_MEMLIMIT_ERROR) {
        return fail(ErrorCode::kUnsupported,
                    "decompress xz: needs more than " + format_size(ByteCount{kXzMemory}));
      }
      if (code == LZMA_BUF_ERROR) return corrupt("truncated xz data");
      if (code != LZMA_OK && code != LZMA_STREAM_END) return corrupt("damaged xz data");
      ended_ = code == LZMA_STREAM_END;
    }
    return produced(out.size() - stream_.avail_out);
  }

 private:
  const Lzma& lzma_;
  lzma_stream stream_ = LZMA_STREAM_INIT;
  bool usable_ = false;
  bool input_ended_ = false;
  bool ended_ = false;
};

class Bzip2Source : public RareSource {
 public:
  Bzip2Source(const Bzip2& bzip2, std::unique_ptr<ByteSource> input, const std::string& name,
              std::uint64_t max_ratio)
      : RareSource(std::move(input), name, max_ratio), bzip2_(bzip2) {}
  Bzip2Source(const Bzip2Source&) = delete;
  Bzip2Source& operator=(const Bzip2Source&) = delete;
  ~Bzip2Source() override {
    if (in_stream_) bzip2_.end(&stream_);
  }

  Result<std::size_t> read(std::span<char> out) override {
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<unsigned>(std::min<std::size_t>(out.size(), 1U << 30));
    const unsigned room = stream_.avail_out;
    while (stream_.avail_out == room) {
      if (stream_.avail_in == 0) {
        stream_.avail_in = static_cast<unsigned>(SLIP_TRY(refill()));
        stream_.next_in = buffer_.data();
        if (stream_.avail_in == 0) {
          if (in_stream_) return corrupt("truncated bzip2 data");
          return std::size_t{0};
        }
      }
      SLIP_TRY(decompress());
    }
    return produced(room - stream_.avail_out);
  }

 private:
  Status decompress() {
    if (!in_stream_) {
      if (bzip2_.init(&stream_, 0, 0) != BZ_OK) {
        return fail(ErrorCode::kExhausted, "decompress bzip2: out of memory");
      }
      in_stream_ = true;
    }
    const int code = bzip2_.decompress(&stream_);
    if (code != BZ_OK && code != BZ_STREAM_END) return corrupt("damaged bzip2 data");
    if (code == BZ_STREAM_END) {
      bzip2_.end(&stream_);
      in_stream_ = false;
    }
    return {};
  }

  const Bzip2& bzip2_;
  bz_stream stream_{};
  bool in_stream_ = false;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> decode_xz(std::unique_ptr<ByteSource> input,
                                              const std::string& name, std::uint64_t max_ratio) {
  const Lzma* lzma = SLIP_TRY(Lzma::get());
  return std::make_unique<XzSource>(*lzma, std::move(input), name, max_ratio);
}

Result<std::unique_ptr<ByteSource>> decode_bzip2(std::unique_ptr<ByteSource> input,
                                                 const std::string& name, std::uint64_t max_ratio) {
  const Bzip2* bzip2 = SLIP_TRY(Bzip2::get());
  return std::make_unique<Bzip2Source>(*bzip2, std::move(input), name, max_ratio);
}

}  // namespace slipway::cachestore
