#pragma once

#include <string>
#include <string_view>

#include "cachestore/archive.h"

namespace slipway::cachestore {

/// An entry's name as a relative path without ".", "..", doubled or trailing slashes; empty for the top itself.
/// Errors are causes only. ".." is refused, an absolute name is taken as relative for layers (as docker does) and
/// refused for artifacts.
Result<std::string> clean_entry_name(std::string_view raw, UnpackPolicy policy,
                                     const LayerLimits& limits);

/// Artifacts: a link may climb to the top at most, and only at its beginning ("../../a", never "a/../../b": through
/// another link that would climb from somewhere else). `dir_depth` is the depth of the directory that holds it.
Status check_artifact_link(std::string_view target, std::size_t dir_depth);

/// Artifacts leave out whatever git would take for a repository: hooks and config there run code.
bool names_git_dir(std::string_view path);

std::size_t path_depth(std::string_view path);  ///< Number of parts.

}  // namespace slipway::cachestore
