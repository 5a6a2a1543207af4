#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runner/cli/assignment.h"
#include "runner/cli/invocation.h"
#include "sandbox/spec.h"

namespace slipway::runner {

/// `runner run`'s command line, checked and in our units, before the image is known.
struct RunRequest {
  std::string image;
  std::vector<std::string> command;
  std::optional<std::string> entrypoint;  ///< --entrypoint; "" takes the image's away.
  std::vector<Assignment> env;
  std::string user;
  std::string workdir;
  std::string name;
  std::string hostname;
  std::vector<sandbox::Mount> mounts;
  std::vector<std::pair<std::string, std::string>> extra_hosts;
  sandbox::Network network = sandbox::Network::kNone;
  sandbox::Limits limits;
  bool limits_asked = false;
  bool read_only = false;
  bool no_new_privileges = true;
  std::vector<std::string> add_capabilities;
  std::vector<std::string> drop_capabilities;
  bool interactive = false;
  bool tty = false;
  Millis stop_grace{10'000};
  std::optional<Millis> timeout;
};

/// kInvalid for what is wrong with a value (naming the option), kUnsupported for what comes later, kNotFound for a
/// missing volume source or --env-file. `host_root`: the caller is root, so volumes are shifted to the container's ids.
Result<RunRequest> run_request(const Invocation& invocation, const Environment& environment,
                               bool host_root);

}  // namespace slipway::runner
