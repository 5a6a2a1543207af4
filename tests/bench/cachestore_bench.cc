// What the store costs on the way of every container: opening, a draft, a commit, finding an image; and unpacking.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/files.h"
#include "cachestore/archive.h"
#include "cachestore/store.h"
#include "tests/support/tar_writer.h"

namespace slipway::cachestore {
namespace {

struct Bench {
  TempDir dir = *TempDir::make("/tmp", "slipway-bench-");
  std::shared_ptr<Store> open() const { return *Store::open({dir.path() + "/store", {}, true}); }
};

void OpenStore(benchmark::State& state) {
  const Bench bench;
  bench.open();
  for (auto _ : state) benchmark::DoNotOptimize(bench.open());
}
BENCHMARK(OpenStore)->Unit(benchmark::kMicrosecond);

void BeginAndDrop(benchmark::State& state) {
  const Bench bench;
  const auto store = bench.open();
  for (auto _ : state) benchmark::DoNotOptimize(*store->begin());
}
BENCHMARK(BeginAndDrop)->Unit(benchmark::kMicrosecond);

void BeginAndCommitRelaxed(benchmark::State& state) {
  const Bench bench;
  const auto store = bench.open();
  std::uint64_t n = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(*store->commit(*store->begin(), SnapshotKind::kStep,
                                            "key" + std::to_string(n++), Json::object(),
                                            Durability::kRelaxed));
  }
}
BENCHMARK(BeginAndCommitRelaxed)->Unit(benchmark::kMicrosecond)->Iterations(500);

// One pass over a plain tar of `range` files of 300 bytes, or one of 64 MiB.
void Unpack(benchmark::State& state) {
  const Bench bench;
  testing::TarWriter tar;
  const auto files = state.range(0);
  const std::string content(files == 1 ? std::size_t{64} << 20 : 300, 'x');
  for (std::int64_t i = 0; i < files; ++i) {
    tar.file("d" + std::to_string(i / 100) + "/f" + std::to_string(i), content);
  }
  const std::string archive = tar.finish();
  (void)write_file_atomic(bench.dir.path() + "/a.tar", archive, 0600);
  int round = 0;
  for (auto _ : state) {
    // A new directory each time, all removed at the end: ext4 without journal avoids inodes freed in the last
    // seconds, and
    // looking for others would be most of the time.
    const std::string out_path = bench.dir.path() + "/out" + std::to_string(round++);
    (void)make_dirs(out_path, 0755);
    const Fd fd = *open_file(bench.dir.path() + "/a.tar", O_RDONLY);
    const Fd out = *open_file(out_path, O_RDONLY | O_DIRECTORY);
    if (!unpack(fd.get(), "a.tar", out.get(), UnpackPolicy::kLayer, {}, CancelToken())) {
      state.SkipWithError("unpack failed");
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(archive.size()));
  state.SetItemsProcessed(state.iterations() * files);
}
BENCHMARK(Unpack)->Arg(1)->Arg(10'000)->Unit(benchmark::kMillisecond)->Iterations(3)->UseRealTime();

}  // namespace
}  // namespace slipway::cachestore
