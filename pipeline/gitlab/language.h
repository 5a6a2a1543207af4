#pragma once

#include <optional>
#include <string_view>

#include "base/units.h"
#include "pipeline/check/shape.h"

/// GitLab's keys as tables; the walk along them is pipeline/check's.
namespace slipway::pipeline::gitlab {

namespace language {
extern const MapRule kJob;
extern const MapRule kDefault;
extern const MapRule kWorkflow;
extern const MapRule kTopVariables;
extern const OneOf kIncludeShapes;
extern const OneOf kStagesShapes;
/// Shape of a key of a job, for keys that also stand at the top.
OneOf shapes_of(std::string_view job_key);
}  // namespace language

/// "1h 30m", "3 mins 4 sec", "2 days", "1 week", "3600" (seconds), "never" (zero). nullopt: none of these.
std::optional<Millis> parse_time(std::string_view text);
/// YAML 1.1 as GitLab reads it: also yes, no, on, off.
std::optional<bool> as_flag(const yaml::Node& node);

}  // namespace slipway::pipeline::gitlab
