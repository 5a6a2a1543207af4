// Tables of a step: what it runs, and its build, artifact and deploy forms (deploy's own table:
// language_deploy.cc).
#include "pipeline/check/language.h"
#include "pipeline/check/scalars.h"

namespace slipway::pipeline::language {

namespace {

constexpr Shape kOneText[] = {scalar(rules::kString)};
constexpr Shape kTextOrList[] = {scalar(rules::kString), list_of(kOneText)};
constexpr Shape kOneFlag[] = {scalar(rules::kBool)};
constexpr Shape kOneDuration[] = {scalar(rules::kDuration)};
constexpr Shape kOneGlob[] = {scalar(rules::kGlob)};
constexpr Shape kGlobOrList[] = {scalar(rules::kGlob), list_of(kOneGlob)};
constexpr Shape kOneScript[] = {scalar(rules::kScript)};
constexpr Shape kOneId[] = {scalar(rules::kId)};
constexpr Shape kCondition[] = {scalar(rules::kExpression)};
constexpr Shape kImageAlternatives[] = {scalar(rules::kImageName), map_of(kImage)};
constexpr Shape kEnvMap[] = {map_of(kEnv)};
// Labels are named freely: "org.opencontainers.image.revision".
constexpr Shape kLabelMap[] = {map_of(kLabels)};
constexpr Shape kBuildMap[] = {map_of(kBuild)};
constexpr Shape kArtifactMap[] = {map_of(kArtifactPush)};
constexpr Shape kDeployMap[] = {map_of(kDeploy)};

constexpr KeyRule kBuildKeys[] = {
    {"context", kOneText, "directory of the build, relative to the workspace (default .)"},
    {"file", kOneText, "the Dockerfile, relative to the context"},
    {"target", kOneText, "stage to build"},
    {"tags", kTextOrList, "names of the image"},
    {"push", kOneFlag, "push all tags when built"},
    {"args", kEnvMap, "values of ARG instructions"},
    {"labels", kLabelMap, "labels of the image"},
    {"secrets", kTextOrList, "secrets of the job for RUN --mount=type=secret: NAME, or ID=NAME"},
    {"platforms", kTextOrList, "such as linux/amd64"},
    {"cache-from", kTextOrList, "take unchanged steps from these names in a registry"},
    {"cache-to", kTextOrList, "leave the steps under these names in a registry"},
    {"no-cache", kOneFlag, "run every step"},
    {"pull", kOneFlag, "ask registries for newer base images"},
};

constexpr KeyRule kArtifactKeys[] = {
    {"push", kOneText, "reference in a registry: host/name:tag", Required::kYes},
    {"paths", kGlobOrList, "what to push", Required::kYes},
    {"exclude", kGlobOrList, "what to leave out"},
    {"type", kOneText, "media type of the artifact"},
};

constexpr KeyRule kStepKeys[] = {
    {"name", kOneText, "shown in logs; default: the first line of the command"},
    {"id", kOneId, "name for steps.ID.output expressions"},
    {"run", kOneScript, "shell commands"},
    {"build", kBuildMap, "build an image from a Dockerfile"},
    {"artifact", kArtifactMap, "push files to a registry"},
    {"deploy", kDeployMap, "bring an app to its machines"},
    {"image", kImageAlternatives, "run this step in another image, on the same workspace"},
    {"env", kEnvMap, "environment of this step"},
    {"workdir", kOneText, "directory, relative to the workspace"},
    {"shell", kOneText, "sh, bash, …; default: bash where the image has it"},
    {"timeout", kOneDuration, "kill the step after this time"},
    {"if", kCondition, "run the step only when this expression is true"},
    {"always", kOneFlag, "run also after a failure or cancel"},
    {"on-failure", kOneFlag, "run only after a failure"},
    {"memo", kOneFlag, "skip when nothing it depends on changed"},
    {"inputs", kGlobOrList, "files that memo watches (default: the whole workspace)"},
};

}  // namespace

const MapRule kLabels{"a map of labels", {}, kOneText, &rules::kString};
const MapRule kBuild{"a build", kBuildKeys};
const MapRule kArtifactPush{"an artifact step", kArtifactKeys};
const MapRule kStep{"a step", kStepKeys};

}  // namespace slipway::pipeline::language
