#pragma once

#include <span>

#include "runner/cli/options.h"

/// The option table is written in several files, each a part of it; options.cc joins them.
namespace slipway::runner {

/// pull, push, login, logout, registry, artifact: options_registry.cc.
std::span<const CommandSpec> registry_command_rows();
/// engine: options_server.cc.
std::span<const CommandSpec> server_command_rows();
/// image …, cache prune: options_image.cc.
std::span<const CommandSpec> image_command_rows();
/// cache ls, stats, rm: options_cache.cc.
std::span<const CommandSpec> cache_command_rows();

/// image build, image why-miss: options_build.cc.
std::span<const CommandSpec> build_command_rows();

}  // namespace slipway::runner
