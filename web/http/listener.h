#pragma once

#include <memory>

#include "base/fd.h"
#include "base/result.h"
#include "web/http/server.h"

namespace slipway::web {

class TlsContext;

/// A bound, listening, non-blocking socket. A socket file goes with it.
struct Listener {
  ListenAddress address;  ///< With the port that a 0 became.
  Fd socket;
  std::shared_ptr<TlsContext> tls;  ///< Null: plain.
  std::shared_ptr<void> file;       ///< Removes the socket file at the end.
};

Result<Listener> listen_at(const ListenAddress& address);

}  // namespace slipway::web
