#pragma once

#include <array>
#include <string>
#include <string_view>

#include "runner/cli/options.h"

/// Shared by the two forms of help.
namespace slipway::runner {

inline constexpr std::array kShownGroups{Group::kPipelines, Group::kContainers, Group::kNetworks,
                                         Group::kImages,    Group::kRegistries, Group::kMachine};

inline constexpr std::string_view kVariablesNote =
    "Every option can also be set by a variable: --jobs of exec is RUNNER_EXEC_JOBS, or "
    "RUNNER_JOBS for every command that has "
    "--jobs; an option that may be given many times takes one value a line.";

/// "-j, --jobs N"; without a letter the dashes still stand below each other.
std::string option_words(const OptionSpec& option);

}  // namespace slipway::runner
