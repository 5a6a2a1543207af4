#pragma once

#include <string>

#include "base/result.h"
#include "cachestore/store.h"

namespace slipway::runner {

/// `--change` of image import: one Dockerfile instruction among CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER,
/// VOLUME, WORKDIR.
/// kInvalid: `parse change "COPY a b": unknown instruction`.
Status apply_change(const std::string& instruction, cachestore::ImageConfig& config);

}  // namespace slipway::runner
