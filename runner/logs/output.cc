// Writing a sink's text whole to a descriptor of any kind.
#include "runner/logs/output.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace slipway::runner {

void TextOutput::write(std::string_view text) {
  while (!dead_ && !text.empty()) {
    const ssize_t done = ::write(fd_, text.data(), text.size());
    if (done >= 0) {
      text.remove_prefix(static_cast<std::size_t>(done));
    } else if (errno == EAGAIN) {
      // A terminal shared with a program that made it non-blocking; waiting is all a log can do.
      pollfd ready{fd_, POLLOUT, 0};
      ::poll(&ready, 1, -1);
    } else if (errno != EINTR) {
      dead_ = true;
    }
  }
}

}  // namespace slipway::runner
