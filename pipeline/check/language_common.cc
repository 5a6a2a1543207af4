// Tables of what several levels share: small shapes, images, environments, resources, services.
#include "pipeline/check/language.h"
#include "pipeline/check/scalars.h"

namespace slipway::pipeline::language {

namespace {

constexpr Shape kOneText[] = {scalar(rules::kString)};
constexpr Shape kTextOrList[] = {scalar(rules::kString), list_of(kOneText)};
constexpr Shape kOneFlag[] = {scalar(rules::kBool)};
constexpr Shape kOneDuration[] = {scalar(rules::kDuration)};
constexpr Shape kOneSize[] = {scalar(rules::kSize)};
constexpr Shape kOneGlob[] = {scalar(rules::kGlob)};
constexpr Shape kGlobOrList[] = {scalar(rules::kGlob), list_of(kOneGlob)};
constexpr Shape kOneImageName[] = {scalar(rules::kImageName)};
constexpr Shape kPull[] = {scalar(rules::kPullPolicy)};
constexpr Shape kOneCount[] = {scalar(rules::kCount)};
constexpr Shape kOneCpus[] = {scalar(rules::kCpus)};
constexpr Shape kOneId[] = {scalar(rules::kId)};
constexpr Shape kIdOrList[] = {scalar(rules::kId), list_of(kOneId)};
constexpr Shape kOnePort[] = {scalar(rules::kPort)};
constexpr Shape kEnvValue[] = {scalar(rules::kString), kNothing};
constexpr Shape kEnvMap[] = {map_of(kEnv)};
constexpr Shape kImageAlternatives[] = {scalar(rules::kImageName), map_of(kImage)};

constexpr KeyRule kImageKeys[] = {
    {"name", kOneImageName, "image reference, or host for this machine's own /usr", Required::kYes},
    {"pull", kPull, "when to ask the registry: missing (default), always, never"},
    {"platform", kOneText, "such as linux/arm64"},
    {"user", kOneText, "user[:group] the steps run as"},
    {"entrypoint", kTextOrList, "replaces the image's entrypoint"},
};

constexpr KeyRule kResourcesKeys[] = {
    {"cpus", kOneCpus, "processors, also in parts: 0.5"},
    {"memory", kOneSize, "memory limit; beyond it the job is killed and says so"},
    {"pids", kOneCount, "processes and threads"},
    {"disk", kOneSize, "what the job may write"},
};

constexpr KeyRule kReadyKeys[] = {
    {"tcp", kOnePort, "ready when this port accepts a connection"},
    {"http", kOneText, "ready when this URL path, with port (8080/up), answers 2xx or 3xx"},
    {"cmd", kOneText, "ready when this command inside the service succeeds"},
    {"every", kOneDuration, "pause between two tries (default 1s)"},
    {"within", kOneDuration, "give up after this time (default 30s)"},
};
constexpr MapRule kReady{"a readiness check", kReadyKeys};
constexpr Shape kReadyMap[] = {map_of(kReady)};

constexpr KeyRule kServiceKeys[] = {
    {"image", kImageAlternatives, "image of the service", Required::kYes},
    {"env", kEnvMap, "environment of the service"},
    {"ready", kReadyMap, "when the job's steps may start"},
    {"command", kTextOrList, "replaces the image's command"},
    {"entrypoint", kTextOrList, "replaces the image's entrypoint"},
    {"alias", kIdOrList, "further host names of the service"},
    {"user", kOneText, "user[:group] the service runs as"},
    {"memory", kOneSize, "memory limit"},
    {"cpus", kOneCpus, "processors"},
};

}  // namespace

const MapRule kImage{"an image", kImageKeys};
const MapRule kResources{"resources", kResourcesKeys};
const MapRule kService{"a service", kServiceKeys};
const MapRule kEnv{"an env map", {}, kEnvValue, &rules::kEnvName};

}  // namespace slipway::pipeline::language
