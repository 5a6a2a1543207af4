#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "runner/cli/invocation.h"
#include "sandbox/container_config.h"

namespace slipway::runner {

/// The command line of create and run, checked and in our units, before the image is known.
struct CreateRequest {
  sandbox::ContainerConfig config;
  std::string name;
  std::string cidfile;
  std::string pull;      ///< "missing", "always" or "never".
  std::string platform;  ///< "": this machine's.
  bool quiet = false;
};

/// kInvalid for what is wrong with a value (naming the option), kUnsupported for what cannot be (with the reason),
/// kNotFound for a missing --env-file, --label-file or seccomp profile.
Result<CreateRequest> read_create_request(const Invocation& invocation,
                                          const Environment& environment);

/// The limits of create, run and update.
Result<sandbox::Limits> read_limits(const Invocation& invocation, sandbox::Limits limits);

/// `option --cpus "x": cause`
tl::unexpected<Error> bad_option(std::string_view option, const std::string& value,
                                 const std::string& cause, ErrorCode code = ErrorCode::kInvalid);
/// Whole number of at least `least`.
Result<std::int64_t> number_option(const Invocation& invocation, std::string_view option,
                                   std::int64_t least, std::int64_t most);
/// Variables of --env-file and --env, in this order, as "NAME=value".
Result<std::vector<std::string>> read_env_options(const Invocation& invocation,
                                                  const Environment& environment);
/// Seconds of --stop-timeout or `stop --timeout`; -1 means never.
Millis grace_of_seconds(std::int64_t seconds);

}  // namespace slipway::runner
