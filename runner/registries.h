#pragma once

#include <memory>

#include "base/result.h"
#include "cachestore/registry.h"

namespace slipway::runner {

/// A client for registries with this process's settings (files and variables; see docs/registries.md), and with
/// accounts
/// that somebody else gives: a server never uses those of the person who started it. kInvalid names file or variable.
Result<std::shared_ptr<cachestore::Registry>> open_registries(
    std::shared_ptr<cachestore::CredentialSource> credentials);

}  // namespace slipway::runner
