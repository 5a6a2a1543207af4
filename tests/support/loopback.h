#pragma once

#include <netinet/in.h>

#include "base/fd.h"

namespace slipway::testing {

/// 127.0.0.1 with a port; 0: one that the kernel chooses.
sockaddr_in loopback(int port);

struct LoopbackListener {
  Fd fd;
  int port = 0;
};
/// A TCP socket that listens on a free port of 127.0.0.1. Ends the test program, saying `who` it was for, when there is
/// none.
LoopbackListener listen_on_loopback(const char* who);

}  // namespace slipway::testing
