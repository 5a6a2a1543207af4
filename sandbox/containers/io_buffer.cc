// Memory for moving output.
#include "sandbox/containers/io_buffer.h"

#include <sys/mman.h>

#include <algorithm>

namespace slipway::sandbox {
namespace {

constexpr std::size_t kSize = std::size_t{256} << 10;
constexpr std::size_t kWorthReleasing = 8192;  // Two pages are cheaper kept than made again.

struct Buffer {
  char* at = nullptr;
  std::size_t touched = 0;
};
Buffer& buffer() {
  static Buffer one;
  return one;
}

}  // namespace

std::span<char> io_buffer() {
  Buffer& one = buffer();
  if (one.at == nullptr) {
    void* made = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (made == MAP_FAILED) {
      static char small[4096];  // No memory: slowly, then.
      return {small, sizeof small};
    }
    one.at = static_cast<char*>(made);
  }
  return {one.at, kSize};
}

void used_io_buffer(std::size_t bytes) { buffer().touched = std::max(buffer().touched, bytes); }

void release_io_buffer() {
  Buffer& one = buffer();
  if (one.at == nullptr || one.touched <= kWorthReleasing) return;
  ::madvise(one.at, kSize, MADV_DONTNEED);
  one.touched = 0;
}

}  // namespace slipway::sandbox
