#pragma once

namespace slipway::runner {

/// Parses the command line, runs one command, returns the process's exit code. Never throws.
int run_cli(int argc, char** argv);

}  // namespace slipway::runner
