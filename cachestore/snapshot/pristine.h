#pragma once

#include <string>

namespace slipway::cachestore {

/// Empties drafts/<id>/{fs,work} and checks that nothing else is there and that both are as on the first day: mode,
/// owner, no attributes but overlayfs's own, which are removed. False: the draft is no good any more.
bool make_pristine(int yard_fd, const std::string& id);

}  // namespace slipway::cachestore
