#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>

#include "base/fd.h"
#include "web/http/tls.h"

namespace slipway::web {

/// Shakes hands with a client and gives one end of a socket pair that carries what is inside; a pair of coroutines
/// moves
/// the bytes, so that nobody else has to know of TLS. Nothing when the client is refused.
boost::asio::awaitable<Fd> unwrap_tls(Fd client, std::shared_ptr<TlsContext> tls,
                                      boost::asio::io_context& context);

}  // namespace slipway::web
