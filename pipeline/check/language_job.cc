// Tables of a job: needs, matrix, retry, caches, artifacts and the keys of the job itself.
#include "pipeline/check/language.h"
#include "pipeline/check/scalars.h"

namespace slipway::pipeline::language {

namespace {

constexpr Shape kOneText[] = {scalar(rules::kString)};
constexpr Shape kTextOrList[] = {scalar(rules::kString), list_of(kOneText)};
constexpr Shape kOneFlag[] = {scalar(rules::kBool)};
constexpr Shape kOneCount[] = {scalar(rules::kCount)};
constexpr Shape kOneDuration[] = {scalar(rules::kDuration)};
constexpr Shape kOneGlob[] = {scalar(rules::kGlob)};
constexpr Shape kGlobOrList[] = {scalar(rules::kGlob), list_of(kOneGlob)};
constexpr Shape kCondition[] = {scalar(rules::kExpression)};
constexpr Shape kOneExit[] = {scalar(rules::kExitCode)};
constexpr Shape kExitOrList[] = {scalar(rules::kExitCode), list_of(kOneExit)};
constexpr Shape kOneEnvName[] = {scalar(rules::kEnvName)};
constexpr Shape kNetworkWord[] = {scalar(rules::kNetwork)};
constexpr Shape kCacheWord[] = {scalar(rules::kCachePolicy)};
constexpr Shape kWhenWord[] = {scalar(rules::kArtifactsWhen)};
constexpr Shape kImageAlternatives[] = {scalar(rules::kImageName), map_of(kImage)};
constexpr Shape kEnvMap[] = {map_of(kEnv)};
constexpr Shape kDeployMap[] = {map_of(kDeploy)};
constexpr Shape kResourcesMap[] = {map_of(kResources)};

constexpr KeyRule kNeedKeys[] = {
    {"job", kOneText, "the job that must be done first", Required::kYes},
    {"optional", kOneFlag, "no error when there is no such job"},
    {"artifacts", kOneFlag, "false: do not bring its artifacts"},
};
constexpr MapRule kNeed{"a need", kNeedKeys};
constexpr Shape kNeedItem[] = {scalar(rules::kString), map_of(kNeed)};
constexpr Shape kNeeds[] = {scalar(rules::kString), list_of(kNeedItem), map_of(kNeed)};

constexpr Shape kAxisValue[] = {scalar(rules::kAny)};
constexpr Shape kAxis[] = {list_of(kAxisValue), scalar(rules::kString)};
constexpr MapRule kCombination{"a combination", {}, kAxisValue, &rules::kId};
constexpr Shape kCombinationItem[] = {map_of(kCombination)};
constexpr Shape kCombinations[] = {list_of(kCombinationItem)};
constexpr KeyRule kMatrixKeys[] = {
    {"include", kCombinations, "combinations to add or to extend"},
    {"exclude", kCombinations, "combinations to leave out"},
    {"max-parallel", kOneCount, "how many instances run at one time"},
    {"fail-fast", kOneFlag, "cancel the others when one fails (default true)"},
};
constexpr MapRule kMatrix{"a matrix", kMatrixKeys, kAxis, &rules::kId};
constexpr Shape kMatrixMap[] = {map_of(kMatrix)};

constexpr KeyRule kRetryExitKeys[] = {{"exit", kExitOrList, "exit codes", Required::kYes}};
constexpr MapRule kRetryExit{"a retry reason", kRetryExitKeys};
constexpr Shape kRetryReason[] = {scalar(rules::kRetryWhen), map_of(kRetryExit)};
constexpr Shape kRetryReasons[] = {scalar(rules::kRetryWhen), list_of(kRetryReason),
                                   map_of(kRetryExit)};
constexpr KeyRule kRetryKeys[] = {
    {"max", kOneCount, "further attempts", Required::kYes},
    {"when", kRetryReasons, "agent-lost, timeout, failure or { exit: [codes] }; default: any"},
};
constexpr MapRule kRetry{"a retry", kRetryKeys};
constexpr Shape kRetryForms[] = {scalar(rules::kCount), map_of(kRetry)};

constexpr KeyRule kAllowKeys[] = {{"exit", kExitOrList, "only these exit codes", Required::kYes}};
constexpr MapRule kAllow{"allow-failure", kAllowKeys};
constexpr Shape kAllowForms[] = {scalar(rules::kBool), map_of(kAllow)};

constexpr KeyRule kEnvironmentKeys[] = {
    {"name", kOneText, "name of the environment", Required::kYes},
    {"url", kOneText, "where it can be seen"},
};
constexpr MapRule kEnvironment{"an environment", kEnvironmentKeys};
constexpr Shape kEnvironmentForms[] = {scalar(rules::kString), map_of(kEnvironment)};

constexpr KeyRule kApproveKeys[] = {
    {"by", kTextOrList, "users or groups", Required::kYes},
};
constexpr MapRule kApprove{"an approval", kApproveKeys};
constexpr Shape kApproveForms[] = {map_of(kApprove)};

constexpr KeyRule kSecretKeys[] = {
    {"name", kOneEnvName, "name of the secret", Required::kYes},
    {"as", kOneEnvName, "environment name it gets in the job"},
    {"file", kOneFlag, "put the value in a file; the environment holds its path"},
};
constexpr MapRule kSecret{"a secret", kSecretKeys};
constexpr Shape kSecretForms[] = {scalar(rules::kEnvName), map_of(kSecret)};
constexpr Shape kSecrets[] = {list_of(kSecretForms), scalar(rules::kEnvName)};

constexpr Shape kServiceForms[] = {scalar(rules::kImageName), map_of(kService)};
constexpr MapRule kServices{"services", {}, kServiceForms, &rules::kId};
constexpr Shape kServicesMap[] = {map_of(kServices)};

constexpr KeyRule kCacheKeys[] = {
    {"key", kOneText, "name of the cache; hash('file') follows a file's content", Required::kYes},
    {"fallback", kTextOrList, "prefixes to try when the key is not there"},
    {"paths", kGlobOrList, "what is kept", Required::kYes},
    {"policy", kCacheWord, "pull, push or both"},
};
constexpr Shape kCacheItem[] = {map_of(kCache)};
constexpr Shape kCaches[] = {list_of(kCacheItem), map_of(kCache)};

constexpr MapRule kReports{"reports", {}, kGlobOrList, &rules::kId};
constexpr Shape kReportsMap[] = {map_of(kReports)};
constexpr KeyRule kArtifactsKeys[] = {
    {"paths", kGlobOrList, "files that are kept and brought to jobs that need this one"},
    {"exclude", kGlobOrList, "files left out"},
    {"expire", kOneDuration, "removed after this time"},
    {"when", kWhenWord, "on-success (default), always or on-failure"},
    {"reports", kReportsMap, "junit, coverage and other reports, by kind"},
};
constexpr MapRule kArtifacts{"artifacts", kArtifactsKeys};
constexpr Shape kArtifactsForms[] = {map_of(kArtifacts), list_of(kOneGlob), scalar(rules::kGlob)};

constexpr MapRule kOutputs{"outputs", {}, kOneText, &rules::kId};
constexpr Shape kOutputsMap[] = {map_of(kOutputs)};

constexpr Shape kStepForms[] = {scalar(rules::kScript), map_of(kStep)};
constexpr Shape kStepList[] = {list_of(kStepForms)};

constexpr KeyRule kJobKeys[] = {
    {"image", kImageAlternatives, "image of the job; host (default) is this machine's /usr"},
    {"if", kCondition, "run the job only when this expression is true"},
    {"paths", kGlobOrList, "skip the job unless one of these changed"},
    {"extends", kTextOrList, "templates (names starting with a dot) this job is built on"},
    {"needs", kNeeds, "jobs that must be done first; brings their artifacts"},
    {"matrix", kMatrixMap, "one job for each combination of values"},
    {"labels", kTextOrList, "which agents may take it"},
    {"resources", kResourcesMap, "limits of the job"},
    {"network", kNetworkWord, "bridge (default), none or host"},
    {"docker", kOneFlag, "a Docker API socket of its own, scoped to this job"},
    {"shell", kOneText, "shell of the steps"},
    {"workdir", kOneText, "directory of the steps, relative to the workspace"},
    {"timeout", kOneDuration, "kill the job after this time"},
    {"retry", kRetryForms, "try again after a failure"},
    {"allow-failure", kAllowForms, "a failure is only a warning"},
    {"always", kOneFlag, "run whatever its needs did"},
    {"interruptible", kOneFlag, "a newer run may cancel it"},
    {"environment", kEnvironmentForms, "deployment environment: its secrets and history"},
    {"approve", kApproveForms, "wait for one of these people"},
    {"manual", kOneFlag, "wait for anyone to start it"},
    {"lock", kOneText, "one at a time among all jobs with this lock"},
    {"secrets", kSecrets, "secrets given to the steps"},
    {"services", kServicesMap, "containers beside the job, reachable by name"},
    {"cache", kCaches, "directories kept between runs"},
    {"env", kEnvMap, "environment of all steps"},
    {"steps", kStepList, "what the job does, in order"},
    {"deploy", kDeployMap, "short form of a job with one deploy step"},
    {"outputs", kOutputsMap, "values for jobs that need this one"},
    {"artifacts", kArtifactsForms, "files kept after the job"},
};

}  // namespace

const MapRule kCache{"a cache", kCacheKeys};
const MapRule kJob{"a job", kJobKeys};

}  // namespace slipway::pipeline::language
