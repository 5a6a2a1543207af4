// Tables of the file itself: triggers, inputs, includes, defaults.
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
constexpr Shape kOneEvent[] = {scalar(rules::kEventName)};
constexpr Shape kOneCron[] = {scalar(rules::kCron)};
constexpr Shape kCronForms[] = {scalar(rules::kCron), list_of(kOneCron)};
constexpr Shape kPolicyWord[] = {scalar(rules::kConcurrency)};
constexpr Shape kTypeWord[] = {scalar(rules::kInputType)};
constexpr Shape kOneAny[] = {scalar(rules::kAny)};
constexpr Shape kAnyOrList[] = {scalar(rules::kAny), list_of(kOneAny)};
constexpr Shape kAnyList[] = {list_of(kOneAny)};
constexpr Shape kImageAlternatives[] = {scalar(rules::kImageName), map_of(kImage)};
constexpr Shape kEnvMap[] = {map_of(kEnv)};
constexpr Shape kStepForms[] = {scalar(rules::kScript), map_of(kStep)};
constexpr Shape kStepList[] = {list_of(kStepForms)};

constexpr KeyRule kInputKeys[] = {
    {"type", kTypeWord, "string, number, bool or list; default: the type of the default"},
    {"default", kAnyOrList, "value when none is given; without it the input is required"},
    {"options", kAnyList, "the only values allowed"},
    {"description", kOneText, "shown to who starts the run"},
};
constexpr MapRule kInput{"an input", kInputKeys};
constexpr Shape kInputMap[] = {map_of(kInput), kNothing};
constexpr MapRule kInputs{"inputs", {}, kInputMap, &rules::kId};
constexpr Shape kInputsMap[] = {map_of(kInputs)};

constexpr KeyRule kPushKeys[] = {
    {"branches", kGlobOrList, "only these branches; \"!\" takes away"},
    {"paths", kGlobOrList, "only when one of these files changed"},
};
constexpr MapRule kPush{"a push trigger", kPushKeys};
constexpr Shape kPushForms[] = {map_of(kPush), kNothing, scalar(rules::kBool)};
constexpr KeyRule kPullRequestKeys[] = {
    {"branches", kGlobOrList, "only into these branches"},
    {"paths", kGlobOrList, "only when one of these files changed"},
};
constexpr MapRule kPullRequest{"a pull-request trigger", kPullRequestKeys};
constexpr Shape kPullRequestForms[] = {map_of(kPullRequest), kNothing, scalar(rules::kBool)};
constexpr Shape kTagForms[] = {list_of(kOneGlob), scalar(rules::kGlob), kNothing};
constexpr KeyRule kManualKeys[] = {
    {"inputs", kInputsMap, "what the person may choose; `inputs.NAME` in expressions"},
};
constexpr MapRule kManual{"a manual trigger", kManualKeys};
constexpr Shape kManualForms[] = {map_of(kManual), kNothing, scalar(rules::kBool)};
constexpr KeyRule kOnKeys[] = {
    {"push", kPushForms, "a branch was pushed"},
    {"pull-request", kPullRequestForms, "a pull request was opened or changed"},
    {"tag", kTagForms, "a tag was pushed; patterns of its name"},
    {"cron", kCronForms, "at these times"},
    {"manual", kManualForms, "by hand"},
};
constexpr MapRule kOn{"on", kOnKeys};
constexpr Shape kOnForms[] = {map_of(kOn), list_of(kOneEvent), scalar(rules::kEventName)};

constexpr KeyRule kConcurrencyKeys[] = {
    {"group", kOneText, "runs with the same group wait for each other", Required::kYes},
    {"policy", kPolicyWord, "cancel the older run, or queue (default)"},
};
constexpr MapRule kConcurrency{"concurrency", kConcurrencyKeys};
constexpr Shape kConcurrencyForms[] = {map_of(kConcurrency), scalar(rules::kString)};

constexpr MapRule kWith{"with", {}, kAnyOrList, &rules::kId};
constexpr Shape kWithMap[] = {map_of(kWith)};
constexpr KeyRule kIncludeKeys[] = {
    {"file", kOneText, "path from the root of the repository", Required::kYes},
    {"git", kOneText, "another repository"},
    {"ref", kOneText, "its branch, tag or commit; pinned in .slipway.lock"},
    {"with", kWithMap, "inputs of the file"},
};
constexpr Shape kIncludeItem[] = {scalar(rules::kString), map_of(kInclude)};
constexpr Shape kIncludeForms[] = {list_of(kIncludeItem), scalar(rules::kString), map_of(kInclude)};

constexpr KeyRule kDefaultsKeys[] = {
    {"image", kImageAlternatives, "image of jobs that name none"},
    {"shell", kOneText, "shell of steps that name none"},
    {"timeout", kOneDuration, "time limit of jobs that name none"},
};
constexpr Shape kDefaultsMap[] = {map_of(kDefaults)};

constexpr Shape kJobMap[] = {map_of(kJob)};
constexpr MapRule kJobs{"jobs", {}, kJobMap, &rules::kJobName};
constexpr Shape kJobsMap[] = {map_of(kJobs)};

constexpr KeyRule kPipelineKeys[] = {
    {"name", kOneText, "name of the pipeline; default: the file's name"},
    {"on", kOnForms, "which events start it; default: push, pull request, by hand"},
    {"env", kEnvMap, "environment of all jobs"},
    {"defaults", kDefaultsMap, "image, shell and timeout of all jobs"},
    {"concurrency", kConcurrencyForms, "runs that must not overlap"},
    {"include", kIncludeForms, "files merged before checking"},
    {"jobs", kJobsMap, "the jobs by name; names starting with a dot are templates"},
    {"steps", kStepList, "short form: one job called default"},
};

constexpr KeyRule kIncludedKeys[] = {
    {"inputs", kInputsMap, "what an including file passes in `with`"},
    {"env", kEnvMap, "environment of all jobs"},
    {"defaults", kDefaultsMap, "image, shell and timeout of all jobs"},
    {"include", kIncludeForms, "files merged before checking"},
    {"jobs", kJobsMap, "the jobs by name; names starting with a dot are templates"},
};

}  // namespace

const MapRule kPipeline{"the pipeline", kPipelineKeys};
const MapRule kIncluded{"an included file", kIncludedKeys};
const MapRule kInclude{"an include", kIncludeKeys};
const MapRule kDefaults{"defaults", kDefaultsKeys};
const OneOf kIncludeShapes = kIncludeForms;

}  // namespace slipway::pipeline::language
