// Random names from the kernel.
#include "base/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

#include "base/text.h"

namespace slipway {

std::string random_hex(std::size_t bytes) {
  std::string raw(bytes, '\0');
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t got = ::getrandom(raw.data() + done, bytes - done, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) std::abort();  // Linux 3.17 has it; without it no name is safe to guess against
    done += static_cast<std::size_t>(got);
  }
  return hex_encode(raw);
}

}  // namespace slipway
