#pragma once

#include <string>

#include "base/result.h"

namespace slipway::runner {

/// Values that instructions put into an image's config, checked.

/// A name with or without SIG ("RTMIN+3", too), or a number.
Status check_stop_signal(const std::string& signal);
/// `path` seen from directory `base`, clean; a trailing slash stays, as other builders keep it.
std::string path_from(const std::string& base, const std::string& path);

}  // namespace slipway::runner
