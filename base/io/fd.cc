// Closing descriptors.
#include "base/fd.h"

#include <unistd.h>

#include <cerrno>

namespace slipway {

void Fd::reset() {
  if (fd_ < 0) return;
  const int saved = errno;  // guards run between a failed call and the reading of its errno
  ::close(std::exchange(fd_, -1));
  errno = saved;
}

}  // namespace slipway
