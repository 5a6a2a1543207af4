#pragma once

#include "pipeline/check/shape.h"

namespace slipway::pipeline::rules {

extern const ScalarRule kString;  ///< Any scalar, as it is written.
extern const ScalarRule kBool;
extern const ScalarRule kCount;  ///< 0, 1, 2, …
extern const ScalarRule kNumber;
extern const ScalarRule kCpus;  ///< A positive number.
extern const ScalarRule kDuration;
extern const ScalarRule kSize;
extern const ScalarRule kPercent;
extern const ScalarRule kGlob;
extern const ScalarRule kCron;
extern const ScalarRule kExpression;
extern const ScalarRule kScript;
extern const ScalarRule kPort;
extern const ScalarRule kExitCode;
extern const ScalarRule kEnvName;
extern const ScalarRule kId;  ///< Of steps, outputs, matrix axes, services: usable as `steps.ID`.
extern const ScalarRule kJobName;
extern const ScalarRule kImageName;
extern const ScalarRule kAny;  ///< Scalars of every type, kept with their type.

extern const ScalarRule kPullPolicy;
extern const ScalarRule kNetwork;
extern const ScalarRule kConcurrency;
extern const ScalarRule kRetryWhen;
extern const ScalarRule kCachePolicy;
extern const ScalarRule kArtifactsWhen;
extern const ScalarRule kEventName;
extern const ScalarRule kInputType;
extern const ScalarRule kTls;
extern const ScalarRule kStrategy;

}  // namespace slipway::pipeline::rules

namespace slipway::pipeline {

/// Five fields (minute hour day month weekday) and an optional zone; `H` in a field is a stable value per repository.
/// The error names the field.
std::optional<ScalarProblem> check_cron(std::string_view text);

bool valid_env_name(std::string_view name);

}  // namespace slipway::pipeline
