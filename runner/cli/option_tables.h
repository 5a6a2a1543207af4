#pragma once

#include <span>

#include "runner/cli/options.h"

/// The option table is written in several files, each a part of it; options.cc joins them.
namespace slipway::runner {

/// pull, push, login, logout, registry, artifact: options_registry.cc.
std::span<const CommandSpec> registry_command_rows();
/// image …, cache: options_image.cc.
std::span<const CommandSpec> image_command_rows();

}  // namespace slipway::runner
