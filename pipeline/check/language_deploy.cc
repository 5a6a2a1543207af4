// Tables of the deploy step: app, processes, release, route, health, strategy, watch, preview.
#include "pipeline/check/language.h"
#include "pipeline/check/scalars.h"

namespace slipway::pipeline::language {

namespace {

constexpr Shape kOneText[] = {scalar(rules::kString)};
constexpr Shape kTextOrList[] = {scalar(rules::kString), list_of(kOneText)};
constexpr Shape kOneCount[] = {scalar(rules::kCount)};
constexpr Shape kOnePort[] = {scalar(rules::kPort)};
constexpr Shape kOneSize[] = {scalar(rules::kSize)};
constexpr Shape kOneCpus[] = {scalar(rules::kCpus)};
constexpr Shape kOneDuration[] = {scalar(rules::kDuration)};
constexpr Shape kOnePercent[] = {scalar(rules::kPercent)};
constexpr Shape kOneGlob[] = {scalar(rules::kGlob)};
constexpr Shape kGlobOrList[] = {scalar(rules::kGlob), list_of(kOneGlob)};
constexpr Shape kOneScript[] = {scalar(rules::kScript)};
constexpr Shape kTlsWord[] = {scalar(rules::kTls)};
constexpr Shape kStrategyWord[] = {scalar(rules::kStrategy)};
constexpr Shape kEnvMap[] = {map_of(kEnv)};
constexpr Shape kBuildMap[] = {map_of(kBuild)};

constexpr KeyRule kProcessKeys[] = {
    {"run", kOneScript, "command; default: the image's own"},
    {"replicas", kOneCount, "how many containers"},
    {"port", kOnePort, "port it listens on"},
    {"memory", kOneSize, "memory limit of each"},
    {"cpus", kOneCpus, "processors of each"},
    {"env", kEnvMap, "environment of this process"},
};
constexpr MapRule kProcess{"a process", kProcessKeys};
constexpr Shape kProcessMap[] = {map_of(kProcess)};
constexpr MapRule kProcesses{"processes", {}, kProcessMap, &rules::kId};

constexpr KeyRule kReleaseKeys[] = {
    {"run", kOneScript, "runs once in the new image before it gets traffic", Required::kYes},
    {"timeout", kOneDuration, "give up after this time"},
};
constexpr MapRule kRelease{"a release command", kReleaseKeys};

constexpr KeyRule kRouteKeys[] = {
    {"hosts", kTextOrList, "host names", Required::kYes},
    {"path", kOneText, "path prefix (default /)"},
    {"tls", kTlsWord, "auto (ACME), own or off"},
};
constexpr MapRule kRoute{"a route", kRouteKeys};

constexpr KeyRule kHealthKeys[] = {
    {"http", kOneText, "URL path that must answer 2xx or 3xx"},
    {"tcp", kOnePort, "port that must accept connections"},
    {"cmd", kOneText, "command that must succeed"},
    {"every", kOneDuration, "pause between two checks"},
    {"timeout", kOneDuration, "limit of one check"},
    {"within", kOneDuration, "must be healthy after this time"},
    {"successes", kOneCount, "checks in a row that must succeed"},
};
constexpr MapRule kHealth{"a health check", kHealthKeys};

constexpr KeyRule kStrategyKeys[] = {
    {"type", kStrategyWord, "blue-green, rolling or canary"},
    {"drain", kOneDuration, "how long the old version finishes its requests"},
    {"stop-grace", kOneDuration, "between SIGTERM and SIGKILL"},
    {"max", kOneCount, "rolling: how many at a time"},
    {"percent", kOnePercent, "canary: share of the traffic"},
    {"hold", kOneDuration, "canary: how long it is watched"},
};
constexpr MapRule kStrategyMap{"a strategy", kStrategyKeys};
constexpr Shape kStrategyForms[] = {scalar(rules::kStrategy), map_of(kStrategyMap)};

constexpr KeyRule kRollbackKeys[] = {
    {"errors-over", kOnePercent, "share of answers with 5xx"},
    {"restarts-over", kOneCount, "restarts of its containers"},
};
constexpr MapRule kRollback{"a rollback rule", kRollbackKeys};
constexpr Shape kRollbackMap[] = {map_of(kRollback)};
constexpr KeyRule kWatchKeys[] = {
    {"for", kOneDuration, "how long the new version is watched"},
    {"rollback-if", kRollbackMap, "what brings the old version back"},
};
constexpr MapRule kWatch{"a watch", kWatchKeys};

constexpr KeyRule kPreviewKeys[] = {
    {"branches", kGlobOrList, "branches that get a preview"},
    {"host", kOneText, "host name; {branch} is replaced"},
    {"ttl", kOneDuration, "removed after this time without a push"},
    {"max", kOneCount, "previews at one time"},
};
constexpr MapRule kPreview{"a preview", kPreviewKeys};

constexpr Shape kProcessesMap[] = {map_of(kProcesses)};
constexpr Shape kReleaseForms[] = {map_of(kRelease)};
constexpr Shape kRouteMap[] = {map_of(kRoute)};
constexpr Shape kHealthMap[] = {map_of(kHealth)};
constexpr Shape kWatchMap[] = {map_of(kWatch)};
constexpr Shape kPreviewMap[] = {map_of(kPreview)};

constexpr KeyRule kDeployKeys[] = {
    {"app", kOneText, "name of the app", Required::kYes},
    {"image", kOneText, "image to deploy"},
    {"build", kBuildMap, "build the image instead"},
    {"processes", kProcessesMap, "what runs, by name; web gets the route"},
    {"env", kEnvMap, "environment of all processes"},
    {"release", kReleaseForms, "command before the new version gets traffic"},
    {"route", kRouteMap, "host names and TLS"},
    {"health", kHealthMap, "when a container counts as healthy"},
    {"strategy", kStrategyForms, "how the old version is replaced"},
    {"watch", kWatchMap, "roll back when it goes wrong afterwards"},
    {"keep", kOneCount, "releases kept for rollback"},
    {"preview", kPreviewMap, "an environment for each branch"},
};

}  // namespace

const MapRule kDeploy{"a deploy", kDeployKeys};

}  // namespace slipway::pipeline::language
