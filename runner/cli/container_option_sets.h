#pragma once

#include <span>

#include "runner/cli/options.h"

/// The long option lists of create, run and update, and what of docker's is refused with a reason.
namespace slipway::runner {

std::span<const OptionSpec> create_options();
std::span<const OptionSpec> run_options();  ///< create's and those of the foreground.
std::span<const OptionSpec> update_options();
std::span<const RefusedOption> refused_options();

}  // namespace slipway::runner
