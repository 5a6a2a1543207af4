#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cachestore/store.h"
#include "runner/cli/run_request.h"
#include "runner/execute/stacks.h"
#include "sandbox/spec.h"

namespace slipway::runner {

/// The home directory of `user` ("", "name", "uid", with or without ":group") by /etc/passwd of the image; "/root" for
/// root and "/" for anybody else who is not in it. Reads a regular file only, at most 1 MiB, found inside the root: an
/// image may hold a FIFO or a link there.
std::string home_directory(const Stack& root, bool host_tools, const std::string& user);

/// Entrypoint, command, environment, directory and user as docker merges an image's config with the command line.
/// kInvalid when neither gives a command. `id` is the container's name and default host name.
Result<sandbox::ProcessSpec> run_process(const RunRequest& request,
                                         const cachestore::ImageConfig& config,
                                         const std::string& home, const std::string& hostname);

/// Number of "SIGQUIT", "QUIT" or "3"; SIGTERM for "" or a name nobody knows.
int stop_signal_number(const std::string& name);

}  // namespace slipway::runner
