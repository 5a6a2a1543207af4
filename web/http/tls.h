#pragma once

#include <memory>

#include "base/result.h"
#include "web/http/server.h"

namespace slipway::web {

class TlsContext;
/// kInvalid names the file that cannot be used.
Result<std::shared_ptr<TlsContext>> make_tls_context(const TlsFiles& files);

}  // namespace slipway::web
