// Any bytes as a layer and as an artifact: no crash, no hang, nothing outside the target.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "base/files.h"
#include "cachestore/archive.h"

namespace {

using slipway::Fd;
using slipway::cachestore::UnpackPolicy;

// One target for the whole run, emptied after each input; beside it a file that must never change.
struct Arena {
  slipway::TempDir dir = *slipway::TempDir::make("/dev/shm", "slipway-fuzz-");
  Fd parent = *slipway::open_file(dir.path(), O_RDONLY | O_DIRECTORY);
  Arena() { (void)slipway::write_file_atomic(dir.path() + "/canary", "alive", 0644); }

  void run(const std::uint8_t* data, std::size_t size, UnpackPolicy policy) {
    (void)slipway::make_dirs(dir.path() + "/target", 0755);
    const Fd target = *slipway::open_file(dir.path() + "/target", O_RDONLY | O_DIRECTORY);
    const Fd archive(::memfd_create("archive", MFD_CLOEXEC));
    if (::write(archive.get(), data, size) < 0 || ::lseek(archive.get(), 0, SEEK_SET) != 0) return;
    slipway::cachestore::LayerLimits limits;
    limits.max_bytes = {1 << 20};
    limits.max_entries = 1000;
    (void)slipway::cachestore::unpack(archive.get(), "fuzz", target.get(), policy, limits,
                                      slipway::CancelToken());
    check();
    if (!slipway::remove_tree(dir.path() + "/target")) die("the target cannot be removed");
  }

  void check() {
    const auto names = slipway::list_dir(parent.get(), "arena");
    const auto canary = slipway::read_file(dir.path() + "/canary", {64});
    if (!names || names->size() != 2 || !canary || *canary != "alive")
      die("something left the target");
  }

  [[noreturn]] static void die(const char* why) {
    std::fprintf(stderr, "%s\n", why);
    std::abort();
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Arena arena;
  arena.run(data, size, UnpackPolicy::kLayer);
  arena.run(data, size, UnpackPolicy::kArtifact);
  return 0;
}

// A mutated header with a right checksum gets further than a wrong one.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max_size, unsigned) {
  size = LLVMFuzzerMutate(data, size, max_size);
  for (std::size_t at = 0; at + 512 <= size; at += 512) {
    std::uint8_t* block = data + at;
    if (block[257] != 'u' && block[100] != '0') continue;  // content, not a header
    unsigned sum = 8 * ' ';
    for (std::size_t i = 0; i < 512; ++i) sum += i >= 148 && i < 156 ? 0U : block[i];
    char text[8];
    std::snprintf(text, sizeof text, "%06o", sum & 0777777U);
    for (std::size_t i = 0; i < 8; ++i) block[148 + i] = static_cast<std::uint8_t>(text[i]);
  }
  return size;
}
