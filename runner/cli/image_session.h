#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "cachestore/store.h"
#include "runner/cli/invocation.h"

namespace slipway::runner {

/// The store as this user sees it; an ordinary user's files belong to ids that only the engine's user namespace shows.
Result<std::shared_ptr<cachestore::Store>> open_image_store(const Invocation& invocation);

/// Reports an error and returns the exit code.
int finish_command(const Status& status, const Invocation& invocation);

/// Whether a progress line is wanted on standard error.
bool shows_progress(const Invocation& invocation);

/// Docker's question: the text and "[y/N]" on standard error, one line from standard input. True for y and yes.
bool confirmed(const std::string& text);

}  // namespace slipway::runner
