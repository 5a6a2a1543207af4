// What no pull can beat: the layers named in SLIPWAY_LAYERS (paths, ':' between them) decompressed by one thread into
// nothing, and as many bytes written to SLIPWAY_FLOOR_DIR and synced. Without them: nothing. scripts/bench.d/registry
// puts the figures beside the pulls.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/text.h"
#include "cachestore/layer/decode.h"
#include "cachestore/layer/fd_source.h"

namespace slipway::cachestore {
namespace {

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

struct Sizes {
  std::uint64_t packed = 0;
  std::uint64_t plain = 0;
};

Result<Sizes> decompress_all(const std::string& list) {
  Sizes sizes;
  std::vector<char> chunk(std::size_t{256} << 10);
  for (const std::string_view path : split(list, ':')) {
    const Fd fd = SLIP_TRY(open_file(std::string(path), O_RDONLY));
    FdSource raw({fd.get(), std::string(path), -1, "", CancelToken(), std::chrono::minutes(1),
                  std::chrono::minutes(10)});
    const Decoded decoded = SLIP_TRY(decode(raw, std::string(path), 1'000));
    while (const std::size_t n = SLIP_TRY(decoded.bytes->read(chunk))) sizes.plain += n;
    sizes.packed += raw.bytes();
  }
  return sizes;
}

void one_core_decompression(benchmark::State& state) {
  const std::string list = from_environment("SLIPWAY_LAYERS");
  if (list.empty()) return state.SkipWithError("SLIPWAY_LAYERS is not set");
  for (auto unused : state) {
    (void)unused;
    const auto sizes = decompress_all(list);
    if (!sizes) return state.SkipWithError(sizes.error().text().c_str());
    state.counters["packed"] = static_cast<double>(sizes->packed);
    state.counters["plain"] = static_cast<double>(sizes->plain);
  }
}

Status write_and_sync(const std::string& path, std::uint64_t bytes) {
  const std::string chunk(std::size_t{1} << 20, 'x');
  const Fd fd = SLIP_TRY(open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  for (std::uint64_t left = bytes; left > 0;) {
    const std::size_t part = std::min<std::uint64_t>(left, chunk.size());
    SLIP_TRY(write_all(fd.get(), std::string_view(chunk).substr(0, part), path));
    left -= part;
  }
  if (::syncfs(fd.get()) != 0) return fail_errno("sync " + path);
  return {};
}

void write_and_sync_all(benchmark::State& state) {
  const std::string list = from_environment("SLIPWAY_LAYERS");
  const std::string path = from_environment("SLIPWAY_FLOOR_DIR") + "/floor";
  if (list.empty()) return state.SkipWithError("SLIPWAY_LAYERS is not set");
  const auto sizes = decompress_all(list);
  if (!sizes) return state.SkipWithError(sizes.error().text().c_str());
  for (auto unused : state) {
    (void)unused;
    const Status done = write_and_sync(path, sizes->packed + sizes->plain);
    if (!done) return state.SkipWithError(done.error().text().c_str());
  }
  ::unlink(path.c_str());
}

BENCHMARK(one_core_decompression)->Unit(benchmark::kMillisecond)->Iterations(1)->Repetitions(3);
BENCHMARK(write_and_sync_all)->Unit(benchmark::kMillisecond)->Iterations(1)->Repetitions(3);

}  // namespace
}  // namespace slipway::cachestore
