// Keys of a job that become parts of the plan one to one.
#include <algorithm>
#include <array>
#include <map>

#include "base/text.h"
#include "pipeline/check/check_shape.h"
#include "pipeline/check/scalars.h"
#include "pipeline/gitlab/job.h"
#include "pipeline/gitlab/language.h"
#include "pipeline/model/read.h"

namespace slipway::pipeline::gitlab {
namespace {

using yaml::Entry;
using yaml::Node;

constexpr std::size_t kMaxCaches = 4;        // as GitLab
constexpr std::size_t kMaxFallbackKeys = 5;  // as GitLab
constexpr long long kMaxRetries = 2;         // as GitLab

bool flag(const Node* node, bool fallback) {
  return node == nullptr ? fallback : as_flag(*node).value_or(fallback);
}

ArtifactsWhen keep_when(const Node* node) {
  static constexpr std::pair<std::string_view, ArtifactsWhen> kWhen[] = {
      {"on_success", ArtifactsWhen::kOnSuccess},
      {"always", ArtifactsWhen::kAlways},
      {"on_failure", ArtifactsWhen::kOnFailure}};
  return read_word(node, kWhen, ArtifactsWhen::kOnSuccess);
}

// A list stands for "the first that works": always with if-not-present behind it takes what is there.
PullPolicy pull_policy(const Node* node) {
  const std::vector<std::string> words = read_strings(node);
  if (words.empty() || words.front() == "if-not-present") return PullPolicy::kMissing;
  if (words.front() == "never") return PullPolicy::kNever;
  return words.size() > 1 ? PullPolicy::kTryAlways : PullPolicy::kAlways;
}

void read_docker(const Node* docker, ImageSpec& image) {
  if (docker == nullptr) return;
  image.platform = read_string(docker->get("platform"));
  image.user = read_string(docker->get("user"));
}

// An entrypoint of one empty text means none, in GitLab as in docker.
std::optional<std::vector<std::string>> words_of(const Node* node) {
  if (node == nullptr) return std::nullopt;
  std::vector<std::string> words = read_command(*node);
  if (words.size() == 1 && words.front().empty()) words.clear();
  return words;
}

/// "registry:5000/group/image:tag@digest" -> "registry-group-image" and "registry__group__image".
/// Spec: docs.gitlab.com/ci/services, "Accessing the services"
std::vector<std::string> host_names(std::string name) {
  name.resize(std::min(name.find('@'), name.size()));
  const std::size_t slash = name.rfind('/');
  const std::size_t tag = name.find(':', slash == std::string::npos ? 0 : slash);
  name.resize(std::min(tag, name.size()));
  const std::size_t first = name.find('/');
  const std::size_t port = name.find(':');
  if (port < first && first != std::string::npos) name.erase(port, first - port);
  std::string dashes = name;
  std::replace(dashes.begin(), dashes.end(), '/', '-');
  std::string underscores;
  for (const char c : name) underscores += c == '/' ? std::string("__") : std::string(1, c);
  if (dashes == underscores) return {dashes};
  return {underscores, dashes};
}

ServicePlan read_service(const Node& node, std::vector<Diagnostic>& out) {
  ServicePlan service;
  service.origin = node.span;
  service.image.origin = node.span;
  const std::string image = node.is_scalar() ? node.text : read_string(node.get("name"));
  service.image.name = Template(image);
  service.image.pull = pull_policy(node.get("pull_policy"));
  read_docker(node.get("docker"), service.image);
  service.user = service.image.user;
  service.entrypoint = words_of(node.get("entrypoint"));
  service.command = words_of(node.get("command"));
  std::string aliases = read_string(node.get("alias"));
  std::replace(aliases.begin(), aliases.end(), ',', ' ');
  for (const std::string_view alias : split(aliases, ' '))
    if (!alias.empty()) service.aliases.emplace_back(alias);
  for (std::string& name : host_names(image)) service.aliases.push_back(std::move(name));
  service.name = service.aliases.front();
  for (VariablePlan& variable : read_variables(node.get("variables"), VariableLevel::kJob, out))
    service.env.push_back({variable.name, Template(variable.value), variable.origin});
  ReadyCheck ready;
  ready.kind = ReadyCheck::Kind::kExposed;
  service.ready = ready;
  if (const Node* kubernetes = node.get("kubernetes"))
    warn(out, kubernetes->span, "\"kubernetes\" says nothing here",
         "remove it, or keep it for GitLab");
  return service;
}

CachePlan read_cache(const Node& node, std::vector<Diagnostic>& out) {
  static constexpr std::pair<std::string_view, CachePolicy> kPolicies[] = {
      {"pull", CachePolicy::kPull},
      {"push", CachePolicy::kPush},
      {"pull-push", CachePolicy::kBoth}};
  CachePlan cache;
  cache.origin = node.span;
  const Node* key = node.get("key");
  if (key == nullptr) {
    cache.key = Template("default");
  } else if (key->is_scalar()) {
    cache.key = Template(key->text);
    if (trim(key->text).find_first_not_of('.') == std::string_view::npos && !key->text.empty())
      report(out, key->span, "a cache key of dots only", "give it a name");
  } else {
    const Node* files = key->get("files");
    if (files == nullptr) files = key->get("files_commits");
    if (files == nullptr)
      report(out, key->span, "a cache key needs files:", "name the files it depends on");
    cache.key_files = read_strings(files);
    if (cache.key_files.size() > 2)
      report(out, files->span, "more than 2 files in a cache key", "at most 2, as GitLab has it");
    cache.key = Template(read_string(key->get("prefix")));
  }
  for (const std::string& fallback : read_strings(node.get("fallback_keys")))
    cache.fallback.emplace_back(fallback);
  if (cache.fallback.size() > kMaxFallbackKeys)
    report(out, node.get("fallback_keys")->span, "more than 5 fallback keys", "at most 5");
  cache.paths = read_strings(node.get("paths"));
  const Node* policy = node.get("policy");
  cache.policy = read_word(policy, kPolicies, CachePolicy::kBoth);
  if (policy != nullptr && policy->text.find('$') != std::string::npos)
    cache.policy_text = policy->text;
  cache.when = keep_when(node.get("when"));
  cache.untracked = flag(node.get("untracked"), false);
  cache.unprotect = flag(node.get("unprotect"), false);
  return cache;
}

}  // namespace

ImageSpec read_image(const Node& node) {
  ImageSpec image;
  image.origin = node.span;
  image.name = Template(node.is_scalar() ? node.text : read_string(node.get("name")));
  if (!node.is_map()) return image;
  image.pull = pull_policy(node.get("pull_policy"));
  read_docker(node.get("docker"), image);
  image.entrypoint = words_of(node.get("entrypoint"));
  return image;
}

std::vector<ServicePlan> read_services(const Node* node, std::vector<Diagnostic>& out) {
  std::vector<ServicePlan> services;
  if (node == nullptr) return services;
  std::map<std::string, int> taken;
  for (const Node& item : node->items) {
    services.push_back(read_service(item, out));
    // The same image twice: the plan's names are unique all the same.
    std::string& name = services.back().name;
    if (const int count = ++taken[name]; count > 1) name += "-" + std::to_string(count);
  }
  return services;
}

std::vector<CachePlan> read_caches(const Node* node, std::vector<Diagnostic>& out) {
  std::vector<CachePlan> caches;
  for (const Node* item : one_or_many(node)) {
    const bool none = !item->is_map() || item->entries.empty();
    if (none) continue;
    caches.push_back(read_cache(*item, out));
    const bool keeps = !caches.back().paths.empty() || caches.back().untracked;
    if (!keeps) caches.pop_back();
  }
  if (caches.size() > kMaxCaches)
    report(out, node->span, "more than 4 caches of one job", "at most 4, as GitLab has it");
  return caches;
}

ArtifactsPlan read_artifacts(const Node* node, std::vector<Diagnostic>& out) {
  ArtifactsPlan artifacts;
  if (node == nullptr) return artifacts;
  artifacts.origin = node->span;
  artifacts.paths = read_strings(node->get("paths"));
  artifacts.exclude = read_strings(node->get("exclude"));
  artifacts.untracked = flag(node->get("untracked"), false);
  artifacts.when = keep_when(node->get("when"));
  artifacts.name = read_string(node->get("name"));
  artifacts.expose_as = read_string(node->get("expose_as"));
  if (const Node* expire = node->get("expire_in")) {
    const std::optional<Millis> time = parse_time(expire->text);
    if (time && time->count() > 0) artifacts.expire = time;
  }
  if (const Node* exclude = node->get("exclude");
      exclude != nullptr && artifacts.paths.empty() && !artifacts.untracked)
    report(out, exclude->span, "artifacts: exclude without paths", "say what is kept with paths:");
  if (!artifacts.expose_as.empty() && artifacts.paths.empty())
    report(out, node->get("expose_as")->span, "artifacts: expose_as without paths",
           "say what is kept with paths:");
  const Node* reports = node->get("reports");
  if (reports == nullptr) return artifacts;
  for (const Entry& entry : reports->entries) {
    if (entry.key == "coverage_report") {
      const std::string format = read_string(entry.value.get("coverage_format"));
      if (format != "cobertura" && format != "jacoco" &&
          entry.value.get("coverage_format") != nullptr)
        report(out, entry.value.get("coverage_format")->span,
               quoted(format) + " is no coverage format", "cobertura or jacoco");
      artifacts.reports[format] = read_strings(entry.value.get("path"));
    } else {
      artifacts.reports[entry.key] = read_strings(&entry.value);
    }
  }
  return artifacts;
}

RetryPolicy read_retry(const Node* node, std::vector<Diagnostic>& out) {
  // GitLab's causes by ours. The rest never happens here: those are listed in docs/gitlab.md.
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kCauses{
      {{"always", "always"},
       {"script_failure", "failure"},
       {"stuck_or_timeout_failure", "timeout"},
       {"job_execution_timeout", "timeout"},
       {"runner_system_failure", "system"},
       {"runner_configuration_error", "system"},
       {"api_failure", "system"},
       {"unknown_failure", "agent-lost"}}};
  RetryPolicy policy;
  if (node == nullptr) return policy;
  const Node* max = node->is_map() ? node->get("max") : node;
  const long long attempts =
      node->is_map() && max == nullptr ? kMaxRetries : read_int(max).value_or(0);
  if (attempts < 0 || attempts > kMaxRetries)
    report(out, max->span, quoted(max->text) + " is out of range", "retry is 0, 1 or 2");
  policy.max = static_cast<int>(std::clamp(attempts, 0LL, kMaxRetries));
  if (!node->is_map()) return policy;
  policy.exit_codes = read_exit_codes(node->get("exit_codes"));
  for (const std::string& word : read_strings(node->get("when"))) {
    std::string cause = "never-here";
    for (const auto& [theirs, ours] : kCauses)
      if (word == theirs) cause = ours;
    if (cause == "always") {
      policy.when.clear();
      policy.exit_codes.clear();
      return policy;
    }
    if (std::find(policy.when.begin(), policy.when.end(), cause) == policy.when.end())
      policy.when.push_back(cause);
  }
  return policy;
}

AllowFailure read_allow_failure(const Node& node) {
  AllowFailure allow;
  allow.any = flag(&node, false);
  allow.exit_codes = read_exit_codes(node.get("exit_codes"));
  return allow;
}

EnvironmentPlan read_environment(const Node* node) {
  static constexpr std::pair<std::string_view, EnvironmentAction> kActions[] = {
      {"start", EnvironmentAction::kStart},
      {"prepare", EnvironmentAction::kPrepare},
      {"stop", EnvironmentAction::kStop},
      {"verify", EnvironmentAction::kVerify},
      {"access", EnvironmentAction::kAccess}};
  EnvironmentPlan environment;
  if (node == nullptr) return environment;
  environment.name = node->is_scalar() ? node->text : read_string(node->get("name"));
  if (!node->is_map()) return environment;
  environment.url = Template(read_string(node->get("url")));
  environment.action = read_word(node->get("action"), kActions, EnvironmentAction::kStart);
  environment.on_stop = read_string(node->get("on_stop"));
  environment.tier = read_string(node->get("deployment_tier"));
  if (const Node* stop = node->get("auto_stop_in")) {
    const std::optional<Millis> time = parse_time(stop->text);
    if (time && time->count() > 0) environment.stop_after = time;
  }
  return environment;
}

std::vector<VariablePlan> read_variables(const Node* node, VariableLevel level,
                                         std::vector<Diagnostic>& out) {
  std::vector<VariablePlan> variables;
  if (node == nullptr) return variables;
  for (const Entry& entry : node->entries) {
    if (!valid_env_name(entry.key)) {
      report(out, entry.key_span, quoted(entry.key) + " is no name of a variable",
             "letters, digits and underscores");
      continue;
    }
    const Node* value = entry.value.is_map() ? entry.value.get("value") : &entry.value;
    VariablePlan plan =
        variable(entry.key, value == nullptr ? "" : value->text, level, entry.key_span);
    plan.raw = entry.value.is_map() && !flag(entry.value.get("expand"), true);
    const auto number = value == nullptr ? std::nullopt : yaml::as_number(*value);
    const bool rounded =
        number && value->text.find('.') != std::string::npos && value->text.ends_with('0');
    if (rounded)
      warn(out, value->span,
           "GitLab reads the number " + quoted(value->text) + " without its last zero",
           "write it in quotes");
    variables.push_back(std::move(plan));
  }
  return variables;
}

}  // namespace slipway::pipeline::gitlab
