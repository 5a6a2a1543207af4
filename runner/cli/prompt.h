#pragma once

#include <string>

#include "base/cancel.h"
#include "base/result.h"

namespace slipway::runner {

enum class Echo { kYes, kNo };

/// Asks the person at the terminal on standard input for one line; the question goes to standard error. kInvalid when
/// there is no terminal, kCancelled on Ctrl-C (the terminal is as before then). At most 4,096 bytes.
Result<std::string> ask(const std::string& question, Echo echo, const CancelToken& cancel);

/// All of standard input, without its last line break: a secret that a script pipes in. At most 64 KiB.
Result<std::string> read_secret_from_stdin();

}  // namespace slipway::runner
