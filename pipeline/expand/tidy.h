#pragma once

#include <vector>

#include "pipeline/diagnostic.h"

namespace slipway::pipeline {

/// Jobs on one template repeat its mistakes; each is shown once, in the order of the file, and at most 100.
void tidy_findings(std::vector<Diagnostic>& findings);

}  // namespace slipway::pipeline
