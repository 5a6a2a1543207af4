#pragma once

#include <string>

#include "pipeline/expression.h"

namespace slipway::pipeline {

/// A template as it is shown for one job instance: expressions over `matrix` alone have their value, what only a run
/// knows stays `${{ … }}`.
std::string known_text(const Template& text, const Value& matrix);

}  // namespace slipway::pipeline
