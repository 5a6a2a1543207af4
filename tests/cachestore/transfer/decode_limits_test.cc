// What decompression and unpacking may cost: zstd windows, and layers of many entries.
#include <thread>

#include "cachestore/layer/decode.h"
#include "tests/cachestore/fixtures.h"

namespace slipway::cachestore {
namespace {

using testing::must;
using testing::Scratch;
using testing::TarWriter;

class TextSource : public ByteSource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  Result<std::size_t> read(std::span<char> out) override {
    const std::size_t n = text_.copy(out.data(), out.size(), at_);
    at_ += n;
    return n;
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

// A frame whose header asks for this window, whatever the content needs.
std::string frame(const std::string& data, int window_log) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, window_log);
  std::string out(ZSTD_compressBound(data.size()) + 64, '\0');
  ZSTD_inBuffer in = {data.data(), data.size(), 0};
  ZSTD_outBuffer to = {out.data(), out.size(), 0};
  // Without ZSTD_e_end at once, the size is not known and the window stays as asked.
  ZSTD_compressStream2(context, &to, &in, ZSTD_e_flush);
  EXPECT_EQ(ZSTD_compressStream2(context, &to, &in, ZSTD_e_end), 0U);
  ZSTD_freeCCtx(context);
  out.resize(to.pos);
  return out;
}

Result<std::string> decode_text(const std::string& packed) {
  TextSource raw(packed);
  const Decoded decoded = SLIP_TRY(decode(raw, "test", 1'000));
  std::string out(1 << 20, '\0');
  out.resize(SLIP_TRY(read_full(*decoded.bytes, out)));
  return out;
}

TEST(ZstdWindow, UpTo32MiBIsRead) {
  for (const int log : {10, 20, 23, 24, 25}) {
    EXPECT_EQ(must(decode_text(frame("hello", log))), "hello") << log;
  }
}

TEST(ZstdWindow, LargerOnesAreRefusedByName) {
  for (const int log : {26, 27, 30}) {
    const auto text = decode_text(frame("hello", log));
    ASSERT_FALSE(text) << log;
    EXPECT_EQ(text.error().code(), ErrorCode::kUnsupported);
    EXPECT_NE(text.error().text().find("window"), std::string::npos) << text.error().text();
  }
}

TEST(ZstdWindow, ALaterFrameCannotTakeMoreThanTheFirst) {
  EXPECT_FALSE(decode_text(frame("small", 20) + frame("large", 25)));
  EXPECT_EQ(must(decode_text(frame("large", 25) + frame("small", 20))), "largesmall");
}

TEST(ZstdWindow, ContentInOneSegmentCountsAsItsWindow) {
  const std::string packed = testing::zstd(std::string(9 << 20, 'x'));
  EXPECT_EQ(must(decode_text(packed)).size(), std::size_t{1} << 20) << "as much as was asked for";
}

TEST(ZstdWindow, ManyAtOnceWaitForEachOther) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 12; ++i) {
    threads.emplace_back(
        [i] { EXPECT_EQ(must(decode_text(frame("hello", i % 2 == 0 ? 25 : 22))), "hello"); });
  }
  for (std::thread& thread : threads) thread.join();
}

class LargeLayer : public ::testing::Test {
 protected:
  UnpackStats apply(const TarWriter& tar) {
    return must(testing::unpack_bytes(scratch_, tar.finish(), target_.get()));
  }
  // In memory: what grows too fast is the number of operations, whatever each costs.
  Scratch scratch_{must(TempDir::make("/dev/shm", "slipway-test-"))};
  Fd target_ = scratch_.make_dir("target");
};

// GHSA-rp3h-jf77-q9p4: these took minutes where an entry cost as much as all before it.
TEST_F(LargeLayer, FortyThousandFilesInOneDirectory) {
  TarWriter tar;
  tar.dir("d/");
  for (int i = 0; i < 40'000; ++i) tar.file("d/" + std::to_string(i), "");
  EXPECT_EQ(apply(tar).entries, 40'001U);
}

TEST_F(LargeLayer, TenThousandWhiteoutsBesideTenThousandFiles) {
  TarWriter tar;
  tar.dir("d/");
  for (int i = 0; i < 10'000; ++i) {
    tar.file("d/f" + std::to_string(i), "").file("d/.wh.g" + std::to_string(i), "");
  }
  EXPECT_EQ(apply(tar).entries, 20'001U);
}

TEST_F(LargeLayer, ADirectoryThatIsReplacedAgainAndAgain) {
  TarWriter tar;
  for (int i = 0; i < 500; ++i) {
    tar.dir("d/").file("d/a", "").file("d/b", "").symlink("d", "nowhere");
  }
  EXPECT_EQ(apply(tar).entries, 2'000U);
}

}  // namespace
}  // namespace slipway::cachestore
