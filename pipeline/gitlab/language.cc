// GitLab's keywords as tables. What they mean is the business of the readers.
// Spec: docs.gitlab.com/ci/yaml
#include "pipeline/gitlab/language.h"

#include <array>

#include "base/text.h"
#include "pipeline/check/scalars.h"

namespace slipway::pipeline::gitlab {
namespace language {
namespace {

using Problem = std::optional<ScalarProblem>;
using yaml::Node;

std::string shown(const Node& node) { return "\"" + printable(ellipsize(node.text, 60)) + "\""; }

Problem accept_word(const Node& node, const ScalarRule& rule) {
  std::vector<std::string> words;
  for (const std::string_view word : rule.words) {
    if (node.text == word) return std::nullopt;
    words.emplace_back(word);
  }
  const auto near = did_you_mean(node.text, words);
  return ScalarProblem{shown(node) + " is not " + std::string(rule.expects),
                       near ? "did you mean \"" + *near + "\"?" : join(words, ", ")};
}
/// One of the words, or a text with a variable, which is known when the job starts.
Problem accept_word_or_variable(const Node& node, const ScalarRule& rule) {
  if (node.text.find('$') != std::string::npos) return std::nullopt;
  return accept_word(node, rule);
}
Problem accept_flag(const Node& node, const ScalarRule&) {
  if (as_flag(node)) return std::nullopt;
  return ScalarProblem{};
}
Problem accept_time(const Node& node, const ScalarRule&) {
  if (parse_time(node.text)) return std::nullopt;
  return ScalarProblem{"bad duration " + shown(node), "for example 30 minutes, 1h 30m or 2 days"};
}
Problem accept_regex(const Node& node, const ScalarRule&) {
  const std::string& text = node.text;
  if (text.size() > 2 && text.front() == '/' && text.back() == '/') return std::nullopt;
  return ScalarProblem{shown(node) + " is no regular expression", "write it between slashes: /…/"};
}

constexpr std::string_view kAnySchema = "{}";
const ScalarRule kFlagRule{"true or false", accept_flag, kAnySchema};
const ScalarRule kTimeRule{"a duration such as 1h 30m", accept_time, kAnySchema};
const ScalarRule kRegexRule{"a regular expression between slashes", accept_regex, kAnySchema};

constexpr std::string_view kWhenWords[] = {"on_success", "on_failure", "always",
                                           "manual",     "delayed",    "never"};
const ScalarRule kWhenRule{"a value of when", accept_word, kAnySchema, kWhenWords};
constexpr std::string_view kKeepWords[] = {"on_success", "on_failure", "always"};
const ScalarRule kKeepRule{"a time to keep", accept_word, kAnySchema, kKeepWords};
constexpr std::string_view kPolicyWords[] = {"pull-push", "pull", "push"};
const ScalarRule kPolicyRule{"a cache policy", accept_word_or_variable, kAnySchema, kPolicyWords};
constexpr std::string_view kPullWords[] = {"always", "if-not-present", "never"};
const ScalarRule kPullRule{"a pull policy", accept_word, kAnySchema, kPullWords};
constexpr std::string_view kActionWords[] = {"start", "prepare", "stop", "verify", "access"};
const ScalarRule kActionRule{"an environment action", accept_word, kAnySchema, kActionWords};
constexpr std::string_view kTierWords[] = {"production", "staging", "testing", "development",
                                           "other"};
const ScalarRule kTierRule{"a deployment tier", accept_word, kAnySchema, kTierWords};
constexpr std::string_view kStrategyWords[] = {"depend", "mirror"};
const ScalarRule kStrategyRule{"a trigger strategy", accept_word, kAnySchema, kStrategyWords};
constexpr std::string_view kNewCommitWords[] = {"conservative", "interruptible", "none"};
const ScalarRule kNewCommitRule{"a way to cancel", accept_word, kAnySchema, kNewCommitWords};
constexpr std::string_view kJobFailureWords[] = {"all", "none"};
const ScalarRule kJobFailureRule{"what a failure cancels", accept_word, kAnySchema,
                                 kJobFailureWords};
constexpr std::string_view kAccessWords[] = {"all", "developer", "maintainer", "none"};
const ScalarRule kAccessRule{"who may see artifacts", accept_word, kAnySchema, kAccessWords};
constexpr std::string_view kCauseWords[] = {"always",
                                            "unknown_failure",
                                            "script_failure",
                                            "api_failure",
                                            "stuck_or_timeout_failure",
                                            "runner_system_failure",
                                            "runner_unsupported",
                                            "stale_schedule",
                                            "job_execution_timeout",
                                            "archived_failure",
                                            "unmet_prerequisites",
                                            "scheduler_failure",
                                            "data_integrity_failure",
                                            "missing_dependency_failure",
                                            "forward_deployment_failure",
                                            "pipeline_loop_detected",
                                            "runner_configuration_error"};
const ScalarRule kCauseRule{"a cause to retry for", accept_word, kAnySchema, kCauseWords};

constexpr Shape kAnything[] = {Shape{Shape::Kind::kAny, nullptr, nullptr, {}}};
constexpr Shape kText[] = {scalar(rules::kString)};
constexpr Shape kTexts[] = {scalar(rules::kString), list_of(kText)};
constexpr Shape kTextList[] = {list_of(kText)};
constexpr Shape kTextListOrNot[] = {list_of(kText), kNothing};
constexpr Shape kFlag[] = {scalar(kFlagRule)};
constexpr Shape kTime[] = {scalar(kTimeRule)};
constexpr Shape kCount[] = {scalar(rules::kCount)};
constexpr Shape kWhen[] = {scalar(kWhenRule)};
constexpr Shape kKeep[] = {scalar(kKeepRule)};
constexpr Shape kExit[] = {scalar(rules::kExitCode)};
constexpr Shape kExits[] = {scalar(rules::kExitCode), list_of(kExit)};

constexpr Shape kPull[] = {scalar(kPullRule)};
constexpr Shape kPulls[] = {scalar(kPullRule), list_of(kPull)};
constexpr KeyRule kDockerKeys[] = {{"platform", kText, "os/architecture"},
                                   {"user", kTexts, "user in the container"}};
constexpr MapRule kDocker{"docker", kDockerKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kDockerMap[] = {map_of(kDocker)};
constexpr KeyRule kImageKeys[] = {
    {"name", kText, "the image", Required::kYes},
    {"entrypoint", kTexts, "in place of the image's own"},
    {"docker", kDockerMap, "platform and user"},
    {"pull_policy", kPulls, "always, if-not-present, never"},
    {"kubernetes", kAnything, "only for Kubernetes"},
};
constexpr MapRule kImageMap{"image", kImageKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kImage[] = {scalar(rules::kString), map_of(kImageMap)};

constexpr KeyRule kValueKeys[] = {
    {"value", kText, "the value"},
    {"description", kText, "shown to people who start the pipeline"},
    {"options", kTextList, "the only values allowed"},
    {"expand", kFlag, "false: dollar signs in it mean themselves"},
};
constexpr MapRule kValueMap{"a variable", kValueKeys, {}, nullptr, Extensions::kUnknown};
constexpr KeyRule kJobValueKeys[] = {
    {"value", kText, "the value"}, {"expand", kFlag, "false: dollar signs in it mean themselves"}};
constexpr MapRule kJobValueMap{
    "a job's variable", kJobValueKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kTopValue[] = {scalar(rules::kString), map_of(kValueMap)};
constexpr Shape kJobValue[] = {scalar(rules::kString), map_of(kJobValueMap)};
constexpr MapRule kJobVariables{"variables", {}, kJobValue, nullptr, Extensions::kUnknown};
constexpr Shape kVariables[] = {map_of(kJobVariables), kNothing};

constexpr KeyRule kServiceKeys[] = {
    {"name", kText, "the image", Required::kYes},
    {"alias", kText, "names it answers to"},
    {"entrypoint", kTexts, "in place of the image's own"},
    {"command", kTexts, "in place of the image's own"},
    {"variables", kVariables, "for this service alone"},
    {"docker", kDockerMap, "platform and user"},
    {"pull_policy", kPulls, "always, if-not-present, never"},
    {"kubernetes", kAnything, "only for Kubernetes"},
};
constexpr MapRule kServiceMap{"a service", kServiceKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kService[] = {scalar(rules::kString), map_of(kServiceMap)};
constexpr Shape kServices[] = {list_of(kService), kNothing};

constexpr KeyRule kKeyFilesKeys[] = {
    {"files", kTextList, "files whose content is the key"},
    {"files_commits", kTextList, "files whose last commit is the key"},
    {"prefix", kText, "in front of the key"},
};
constexpr MapRule kKeyFiles{"a cache key", kKeyFilesKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kCacheKey[] = {scalar(rules::kString), map_of(kKeyFiles)};
constexpr Shape kPolicy[] = {scalar(kPolicyRule)};
constexpr KeyRule kCacheKeys[] = {
    {"key", kCacheKey, "jobs with the same key share the cache"},
    {"paths", kTextList, "what is kept"},
    {"untracked", kFlag, "also what git does not track"},
    {"unprotect", kFlag, "share between protected and other branches"},
    {"when", kKeep, "on_success, on_failure or always"},
    {"policy", kPolicy, "pull-push, pull or push"},
    {"fallback_keys", kTextList, "tried in order when the key has no cache"},
};
constexpr MapRule kCacheMap{"cache", kCacheKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kCacheItem[] = {map_of(kCacheMap)};
constexpr Shape kCache[] = {map_of(kCacheMap), list_of(kCacheItem), kNothing};

constexpr KeyRule kCoverageKeys[] = {
    {"coverage_format", kText, "cobertura or jacoco", Required::kYes},
    {"path", kText, "the report", Required::kYes},
};
constexpr MapRule kCoverageMap{"coverage_report", kCoverageKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kCoverageReport[] = {map_of(kCoverageMap)};
constexpr KeyRule kReportKeys[] = {
    {"accessibility", kTexts, "report"},
    {"annotations", kTexts, "report"},
    {"api_fuzzing", kTexts, "report"},
    {"browser_performance", kTexts, "report"},
    {"cluster_image_scanning", kTexts, "report"},
    {"codequality", kTexts, "report"},
    {"container_scanning", kTexts, "report"},
    {"coverage_fuzzing", kTexts, "report"},
    {"coverage_report", kCoverageReport, "report"},
    {"cyclonedx", kTexts, "report"},
    {"dast", kTexts, "report"},
    {"dependency_scanning", kTexts, "report"},
    {"dotenv", kTexts, "variables of the jobs that need this one"},
    {"junit", kTexts, "report"},
    {"license_scanning", kTexts, "report"},
    {"load_performance", kTexts, "report"},
    {"lsif", kTexts, "report"},
    {"metrics", kTexts, "report"},
    {"performance", kTexts, "report"},
    {"repository_xray", kTexts, "report"},
    {"requirements", kTexts, "report"},
    {"requirements_v2", kTexts, "report"},
    {"sast", kTexts, "report"},
    {"secret_detection", kTexts, "report"},
    {"terraform", kTexts, "report"},
};
constexpr MapRule kReportMap{"reports", kReportKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kReports[] = {map_of(kReportMap)};
constexpr Shape kAccess[] = {scalar(kAccessRule)};
constexpr KeyRule kArtifactKeys[] = {
    {"paths", kTextListOrNot, "what is kept"},
    {"exclude", kTextListOrNot, "what is left out"},
    {"untracked", kFlag, "also what git does not track"},
    {"when", kKeep, "on_success, on_failure or always"},
    {"expire_in", kTime, "how long they are kept"},
    {"expose_as", kText, "shown in merge requests"},
    {"name", kText, "name of the archive"},
    {"public", kFlag, "who may see them"},
    {"access", kAccess, "who may see them"},
    {"reports", kReports, "reports by kind"},
};
constexpr MapRule kArtifactMap{"artifacts", kArtifactKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kArtifacts[] = {map_of(kArtifactMap)};

constexpr Shape kCause[] = {scalar(kCauseRule)};
constexpr Shape kCauses[] = {scalar(kCauseRule), list_of(kCause)};
constexpr KeyRule kRetryKeys[] = {
    {"max", kCount, "0 to 2"},
    {"when", kCauses, "causes"},
    {"exit_codes", kExits, "exit codes"},
};
constexpr MapRule kRetryMap{"retry", kRetryKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kRetry[] = {scalar(rules::kCount), map_of(kRetryMap)};

constexpr KeyRule kAllowKeys[] = {
    {"exit_codes", kExits, "exit codes that do not count", Required::kYes}};
constexpr MapRule kAllowMap{"allow_failure", kAllowKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kAllowFailure[] = {scalar(kFlagRule), map_of(kAllowMap)};

constexpr Shape kAxis[] = {scalar(rules::kString), list_of(kText)};
constexpr MapRule kMatrixEntry{"a matrix entry", {}, kAxis, nullptr, Extensions::kUnknown};
constexpr Shape kMatrixItem[] = {map_of(kMatrixEntry)};
constexpr Shape kMatrix[] = {list_of(kMatrixItem)};
constexpr KeyRule kMatrixKeys[] = {
    {"matrix", kMatrix, "variables and their values", Required::kYes}};
constexpr MapRule kMatrixMap{"parallel", kMatrixKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kParallel[] = {scalar(rules::kCount), map_of(kMatrixMap)};

constexpr KeyRule kNeedKeys[] = {
    {"job", kText, "the job"},
    {"artifacts", kFlag, "false: without its artifacts"},
    {"optional", kFlag, "no error when it is not in the pipeline"},
    {"parallel", kParallel, "only these of its matrix"},
    {"pipeline", kText, "of another pipeline"},
    {"project", kText, "of another project"},
    {"ref", kText, "of another project"},
};
constexpr MapRule kNeedMap{"a need", kNeedKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kNeed[] = {scalar(rules::kString), map_of(kNeedMap)};
constexpr Shape kNeeds[] = {list_of(kNeed), map_of(kNeedMap)};

constexpr KeyRule kChangesKeys[] = {{"paths", kTextList, "globs", Required::kYes},
                                    {"compare_to", kText, "branch, tag or commit"}};
constexpr MapRule kChangesMap{"changes", kChangesKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kChanges[] = {list_of(kText), map_of(kChangesMap)};
constexpr KeyRule kExistsKeys[] = {{"paths", kTexts, "globs", Required::kYes},
                                   {"project", kText, "another project"},
                                   {"ref", kText, "of that project"}};
constexpr MapRule kExistsMap{"exists", kExistsKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kExists[] = {scalar(rules::kString), list_of(kText), map_of(kExistsMap)};
constexpr KeyRule kRuleKeys[] = {
    {"if", kText, "a condition"},
    {"changes", kChanges, "globs of changed files"},
    {"exists", kExists, "globs of files"},
    {"when", kWhen, "what happens then"},
    {"start_in", kTime, "with when: delayed"},
    {"allow_failure", kFlag, "the job may fail"},
    {"variables", kVariables, "set when this rule matches"},
    {"needs", kNeeds, "in place of the job's"},
    {"interruptible", kFlag, "may be cancelled by a newer pipeline"},
};
constexpr MapRule kRuleMap{"a rule", kRuleKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kRule[] = {map_of(kRuleMap)};
constexpr Shape kRules[] = {list_of(kRule), kNothing};

constexpr KeyRule kPolicyKeys[] = {
    {"refs", kTextList, "branches, tags, events"},
    {"variables", kTextList, "conditions"},
    {"changes", kTextList, "globs of changed files"},
    {"kubernetes", kAnything, "only for Kubernetes"},
};
constexpr MapRule kPolicyMap{"only or except", kPolicyKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kOnly[] = {list_of(kText), map_of(kPolicyMap), kNothing};

constexpr Shape kAction[] = {scalar(kActionRule)};
constexpr Shape kTier[] = {scalar(kTierRule)};
constexpr KeyRule kEnvironmentKeys[] = {
    {"name", kText, "the environment", Required::kYes},
    {"url", kText, "where it is reached"},
    {"on_stop", kText, "the job that stops it"},
    {"action", kAction, "start, prepare, stop, verify or access"},
    {"auto_stop_in", kTime, "when it stops by itself"},
    {"deployment_tier", kTier, "production, staging, …"},
    {"kubernetes", kAnything, "only for Kubernetes"},
};
constexpr MapRule kEnvironmentMap{
    "environment", kEnvironmentKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kEnvironment[] = {scalar(rules::kString), map_of(kEnvironmentMap)};

constexpr KeyRule kReleaseKeys[] = {
    {"tag_name", kText, "the tag", Required::kYes},
    {"tag_message", kText, "message of a new tag"},
    {"name", kText, "title"},
    {"description", kText, "text, or a file with it", Required::kYes},
    {"ref", kText, "what the tag is made of"},
    {"milestones", kTexts, "milestones"},
    {"released_at", kText, "ISO 8601"},
    {"assets", kAnything, "links"},
};
constexpr MapRule kReleaseMap{"release", kReleaseKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kRelease[] = {map_of(kReleaseMap)};

constexpr Shape kNames[] = {scalar(kFlagRule), list_of(kText)};
constexpr KeyRule kInheritKeys[] = {{"default", kNames, "true, false or keys"},
                                    {"variables", kNames, "true, false or names"}};
constexpr MapRule kInheritMap{"inherit", kInheritKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kInherit[] = {map_of(kInheritMap)};

constexpr MapRule kInputsMap{"inputs", {}, kAnything, nullptr, Extensions::kUnknown};
constexpr Shape kInputs[] = {map_of(kInputsMap)};
constexpr KeyRule kTriggerFileKeys[] = {
    {"local", kText, "a file of this repository"}, {"artifact", kText, "a file a job wrote"},
    {"job", kText, "the job that wrote it"},       {"template", kText, "a template"},
    {"project", kText, "another project"},         {"ref", kText, "of that project"},
    {"file", kTexts, "of that project"},           {"remote", kText, "a URL"},
    {"component", kText, "a component"},           {"inputs", kInputs, "for its spec:inputs"},
};
constexpr MapRule kTriggerFileMap{
    "an include of a trigger", kTriggerFileKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kTriggerFile[] = {scalar(rules::kString), map_of(kTriggerFileMap)};
constexpr Shape kTriggerFiles[] = {scalar(rules::kString), list_of(kTriggerFile),
                                   map_of(kTriggerFileMap)};
constexpr KeyRule kForwardKeys[] = {
    {"yaml_variables", kFlag, "this job's variables (default true)"},
    {"pipeline_variables", kFlag, "those of the run (default false)"}};
constexpr MapRule kForwardMap{"forward", kForwardKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kForward[] = {map_of(kForwardMap)};
constexpr Shape kStrategy[] = {scalar(kStrategyRule)};
constexpr KeyRule kTriggerKeys[] = {
    {"include", kTriggerFiles, "files of a child pipeline"},
    {"project", kText, "another project's pipeline"},
    {"branch", kText, "of that project"},
    {"strategy", kStrategy, "depend or mirror: its result is the job's"},
    {"forward", kForward, "which variables go along"},
    {"inputs", kInputs, "for its spec:inputs"},
};
constexpr MapRule kTriggerMap{"trigger", kTriggerKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kTrigger[] = {scalar(rules::kString), map_of(kTriggerMap)};

constexpr KeyRule kTokenKeys[] = {{"aud", kTexts, "who is to trust it", Required::kYes}};
constexpr MapRule kTokenMap{"an id token", kTokenKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kToken[] = {map_of(kTokenMap)};
constexpr MapRule kTokensMap{"id_tokens", {}, kToken, nullptr, Extensions::kUnknown};
constexpr Shape kTokens[] = {map_of(kTokensMap)};
constexpr KeyRule kHookKeys[] = {{"pre_get_sources_script", kTexts, "before the checkout"}};
constexpr MapRule kHookMap{"hooks", kHookKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kHooks[] = {map_of(kHookMap)};
constexpr Shape kCoverage[] = {scalar(kRegexRule)};

constexpr KeyRule kJobKeys[] = {
    {"after_script", kTexts, "after the script, whatever it did"},
    {"allow_failure", kAllowFailure, "the pipeline goes on when the job fails"},
    {"artifacts", kArtifacts, "files to keep"},
    {"before_script", kTexts, "in front of script"},
    {"cache", kCache, "files to keep between pipelines"},
    {"coverage", kCoverage, "a regular expression for the log"},
    {"dast_configuration", kAnything, "not supported"},
    {"dependencies", kTextListOrNot, "whose artifacts to take"},
    {"environment", kEnvironment, "where it deploys to"},
    {"except", kOnly, "when not to run"},
    {"extends", kTexts, "templates"},
    {"hooks", kHooks, "pre_get_sources_script"},
    {"id_tokens", kTokens, "JSON web tokens"},
    {"identity", kAnything, "not supported"},
    {"image", kImage, "the container"},
    {"inherit", kInherit, "defaults and variables to take"},
    {"inputs", kAnything, "not supported"},
    {"interruptible", kFlag, "a newer pipeline may cancel it"},
    {"manual_confirmation", kText, "asked before a manual job runs"},
    {"needs", kNeeds, "jobs to wait for"},
    {"only", kOnly, "when to run"},
    {"pages", kAnything, "not supported"},
    {"parallel", kParallel, "several instances"},
    {"publish", kText, "not supported"},
    {"release", kRelease, "a release to make"},
    {"resource_group", kText, "one at a time"},
    {"retry", kRetry, "further attempts"},
    {"rules", kRules, "whether and how it runs"},
    {"run", kAnything, "not supported"},
    {"script", kTexts, "the commands"},
    {"secrets", kAnything, "from a vault"},
    {"services", kServices, "containers beside it"},
    {"stage", kText, "its stage"},
    {"start_in", kTime, "with when: delayed"},
    {"tags", kTextListOrNot, "which runners may take it"},
    {"timeout", kTime, "how long it may take"},
    {"trigger", kTrigger, "a child pipeline"},
    {"type", kText, "the old name of stage"},
    {"variables", kVariables, "its variables"},
    {"when", kWhen, "when it runs"},
};

constexpr std::string_view kDefaultKeyNames[] = {
    "after_script", "artifacts",     "before_script", "cache",    "hooks", "id_tokens", "identity",
    "image",        "interruptible", "retry",         "services", "tags",  "timeout"};
constexpr auto kDefaultKeys = [] {
  std::array<KeyRule, std::size(kDefaultKeyNames)> keys;
  std::size_t at = 0;
  for (const std::string_view name : kDefaultKeyNames)
    for (const KeyRule& rule : kJobKeys)
      if (rule.key == name) keys[at++] = rule;
  return keys;
}();

constexpr Shape kNewCommit[] = {scalar(kNewCommitRule)};
constexpr Shape kJobFailure[] = {scalar(kJobFailureRule)};
constexpr KeyRule kCancelKeys[] = {
    {"on_new_commit", kNewCommit, "conservative, interruptible or none"},
    {"on_job_failure", kJobFailure, "all or none"}};
constexpr MapRule kCancelMap{"auto_cancel", kCancelKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kCancel[] = {map_of(kCancelMap)};
constexpr KeyRule kWorkflowRuleKeys[] = {
    {"if", kText, "a condition"},
    {"changes", kChanges, "globs of changed files"},
    {"exists", kExists, "globs of files"},
    {"when", kWhen, "always or never"},
    {"variables", kVariables, "set when this rule matches"},
    {"auto_cancel", kCancel, "set when this rule matches"},
};
constexpr MapRule kWorkflowRuleMap{
    "a workflow rule", kWorkflowRuleKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kWorkflowRule[] = {map_of(kWorkflowRuleMap)};
constexpr Shape kWorkflowRules[] = {list_of(kWorkflowRule), kNothing};
constexpr KeyRule kWorkflowKeys[] = {{"name", kText, "name of the pipeline"},
                                     {"rules", kWorkflowRules, "whether there is a pipeline"},
                                     {"auto_cancel", kCancel, "what is cancelled when"}};

constexpr KeyRule kIncludeRuleKeys[] = {{"if", kText, "a condition"},
                                        {"changes", kChanges, "globs of changed files"},
                                        {"exists", kExists, "globs of files"},
                                        {"when", kWhen, "never: leave it out"}};
constexpr MapRule kIncludeRuleMap{
    "an include's rule", kIncludeRuleKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kIncludeRule[] = {map_of(kIncludeRuleMap)};
constexpr Shape kIncludeRules[] = {list_of(kIncludeRule), kNothing};
constexpr KeyRule kIncludeKeys[] = {
    {"local", kText, "a file of this repository"},
    {"project", kText, "another project"},
    {"file", kTexts, "of that project"},
    {"ref", kText, "of that project"},
    {"remote", kText, "a URL"},
    {"integrity", kText, "sha256-… of the remote file"},
    {"cache", kAnything, "how long a remote file is kept"},
    {"template", kText, "a template of GitLab"},
    {"component", kText, "a component"},
    {"inputs", kInputs, "for its spec:inputs"},
    {"rules", kIncludeRules, "when it is included"},
};
constexpr MapRule kIncludeMap{"include", kIncludeKeys, {}, nullptr, Extensions::kUnknown};
constexpr Shape kInclude[] = {scalar(rules::kString), map_of(kIncludeMap)};

}  // namespace

const MapRule kJob{"a job", kJobKeys, {}, nullptr, Extensions::kUnknown};
const MapRule kDefault{"default", kDefaultKeys, {}, nullptr, Extensions::kUnknown};
const MapRule kWorkflow{"workflow", kWorkflowKeys, {}, nullptr, Extensions::kUnknown};
const MapRule kTopVariables{"variables", {}, kTopValue, nullptr, Extensions::kUnknown};
const OneOf kIncludeShapes = kInclude;
const OneOf kStagesShapes = kTextList;

OneOf shapes_of(std::string_view job_key) {
  for (const KeyRule& rule : kJobKeys)
    if (rule.key == job_key) return rule.shapes;
  return {};
}

}  // namespace language

std::optional<bool> as_flag(const yaml::Node& node) {
  if (const auto flag = yaml::as_bool(node)) return flag;
  if (!node.is_scalar() || node.style != yaml::Style::kPlain) return std::nullopt;
  const std::string lower = to_lower(node.text);
  if (lower == "yes" || lower == "on") return true;
  if (lower == "no" || lower == "off") return false;
  return std::nullopt;
}

std::optional<Millis> parse_time(std::string_view text) {
  struct Unit {
    std::string_view name;
    double seconds;
  };
  // Spec: docs.gitlab.com/ci/yaml, artifacts:expire_in. A month is 30 days and a year 365, near enough to clean up.
  static constexpr std::array<Unit, 26> kUnits{
      {{"s", 1},           {"sec", 1},         {"secs", 1},        {"second", 1},
       {"seconds", 1},     {"m", 60},          {"min", 60},        {"mins", 60},
       {"minute", 60},     {"minutes", 60},    {"h", 3600},        {"hr", 3600},
       {"hrs", 3600},      {"hour", 3600},     {"hours", 3600},    {"d", 86400},
       {"day", 86400},     {"days", 86400},    {"w", 604800},      {"week", 604800},
       {"weeks", 604800},  {"mo", 2592000},    {"month", 2592000}, {"months", 2592000},
       {"year", 31536000}, {"years", 31536000}}};
  const std::string lower = to_lower(trim(text));
  if (lower == "never") return Millis(0);
  double total = 0;
  bool any = false;
  for (std::size_t at = 0; at < lower.size();) {
    if (lower[at] == ' ' || lower[at] == ',') {
      ++at;
      continue;
    }
    if (std::string_view(lower).substr(at).starts_with("and ")) {
      at += 4;
      continue;
    }
    std::size_t end = at;
    while (end < lower.size() && ((lower[end] >= '0' && lower[end] <= '9') || lower[end] == '.'))
      ++end;
    if (end == at || end - at > 12) return std::nullopt;
    const double amount = std::strtod(lower.substr(at, end - at).c_str(), nullptr);
    while (end < lower.size() && lower[end] == ' ') ++end;
    std::size_t word = end;
    while (word < lower.size() && lower[word] >= 'a' && lower[word] <= 'z') ++word;
    const std::string unit = lower.substr(end, word - end);
    double seconds = unit.empty() ? 1 : 0;
    for (const Unit& known : kUnits)
      if (known.name == unit) seconds = known.seconds;
    if (seconds == 0) return std::nullopt;
    total += amount * seconds;
    any = true;
    at = word;
  }
  if (!any || total > 100.0 * 31536000) return std::nullopt;
  return Millis(static_cast<std::int64_t>(total * 1000));
}

}  // namespace slipway::pipeline::gitlab
