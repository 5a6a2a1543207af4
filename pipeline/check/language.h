#pragma once

#include "pipeline/check/shape.h"

/// The maps of the language, one table each; the tables are in language_*.cc.
namespace slipway::pipeline::language {

extern const MapRule kPipeline;
extern const MapRule kIncluded;  ///< A file that is included: no `on`, no `steps`, but `inputs`.
extern const MapRule kInclude;   ///< An entry of `include:`.
extern const MapRule kDefaults;
extern const MapRule kJob;
extern const MapRule kStep;
extern const MapRule kService;
extern const MapRule kCache;
extern const MapRule kImage;
extern const MapRule kEnv;
extern const MapRule kLabels;
extern const MapRule kBuild;
extern const MapRule kArtifactPush;
extern const MapRule kDeploy;
extern const MapRule kResources;

extern const OneOf kIncludeShapes;

}  // namespace slipway::pipeline::language
