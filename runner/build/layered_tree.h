#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runner/build/file_tree.h"
#include "runner/build/input_tree.h"

namespace slipway::runner {

/// What the doors open_directory_tree() and open_stack_tree() have in common.
Result<std::unique_ptr<InputTree>> open_layered_tree(std::vector<std::string> lowers,
                                                     std::string name,
                                                     pipeline::IgnorePatterns ignore,
                                                     FileTree::Owners owners,
                                                     const std::string& state_dir);

}  // namespace slipway::runner
