// Which variables a job sees, and the predefined ones. How values are put into each other is expand/variables.cc.
#include "pipeline/gitlab/scope.h"

#include "base/digest.h"
#include "base/text.h"

namespace slipway::pipeline::gitlab {
namespace {

// Real chains have three links; a longer one is most likely a circle.
constexpr int kMaxNesting = 20;

std::string host_of(const std::string& url) {
  const std::size_t start = url.find("://");
  const std::size_t begin = start == std::string::npos ? 0 : start + 3;
  return url.substr(begin, url.find('/', begin) - begin);
}

struct EventRow {
  std::string_view event;
  std::string_view source;
};
constexpr EventRow kSources[] = {{"push", "push"},
                                 {"pull-request", "merge_request_event"},
                                 {"tag", "push"},
                                 {"cron", "schedule"},
                                 {"manual", "web"}};

/// Collects predefined variables; empty values are left out, as GitLab leaves them out.
class Given {
 public:
  /// Their values come from commits and names: no templates.
  void add(const char* name, std::string value) {
    if (value.empty()) return;
    all_.push_back(variable(name, std::move(value), VariableLevel::kPredefined));
    all_.back().raw = true;
  }
  std::vector<VariablePlan> take() { return std::move(all_); }

 private:
  std::vector<VariablePlan> all_;
};

void add_server(Given& given, const std::string& host) {
  given.add("CI", "true");
  given.add("GITLAB_CI", "true");
  given.add("CI_SERVER", "yes");
  given.add("CI_SERVER_NAME", "GitLab");
  given.add("CI_SERVER_HOST", host);
  given.add("CI_SERVER_FQDN", host);
  given.add("CI_SERVER_PORT", "443");
  given.add("CI_SERVER_PROTOCOL", "https");
  given.add("CI_SERVER_URL", "https://" + host);
  given.add("CI_API_V4_URL", "https://" + host + "/api/v4");
  given.add("CI_API_GRAPHQL_URL", "https://" + host + "/api/graphql");
  given.add("CI_TEMPLATE_REGISTRY_HOST", "registry.gitlab.com");
  given.add("CI_RUNNER_ID", "1");
  given.add("CI_RUNNER_DESCRIPTION", "slipway");
  given.add("CI_RUNNER_EXECUTABLE_ARCH", "linux/amd64");
  given.add("CI_DISPOSABLE_ENVIRONMENT", "true");
  given.add("CI_CONCURRENT_ID", "0");
  given.add("CI_CONCURRENT_PROJECT_ID", "0");
  given.add("CI_CONFIG_PATH", ".gitlab-ci.yml");
}

void add_project(Given& given, const GitlabProject& project, const std::string& host) {
  const std::size_t slash = project.path.rfind('/');
  const std::string name = project.path.substr(slash + 1);  // npos + 1 is 0
  const std::string space = slash == std::string::npos ? "" : project.path.substr(0, slash);
  const std::string lower = to_lower(project.path);
  given.add("CI_BUILDS_DIR", "/builds");
  given.add("CI_PROJECT_DIR", project_dir(project));
  given.add("CI_PROJECT_ID", "1");
  given.add("CI_PROJECT_NAME", name);
  given.add("CI_PROJECT_TITLE", name);
  given.add("CI_PROJECT_PATH", project.path);
  given.add("CI_PROJECT_PATH_SLUG", slug(project.path));
  given.add("CI_PROJECT_NAMESPACE", space);
  given.add("CI_PROJECT_NAMESPACE_ID", "1");
  given.add("CI_PROJECT_NAMESPACE_SLUG", slug(space));
  given.add("CI_PROJECT_ROOT_NAMESPACE", space.substr(0, space.find('/')));
  given.add("CI_PROJECT_URL",
            project.url.empty() ? "https://" + host + "/" + project.path : project.url);
  given.add("CI_PROJECT_VISIBILITY", "private");
  given.add("CI_DEFAULT_BRANCH", project.default_branch);
  given.add("CI_REPOSITORY_URL", "https://" + host + "/" + project.path + ".git");
  given.add("CI_REGISTRY", "registry." + host);
  given.add("CI_REGISTRY_IMAGE", "registry." + host + "/" + lower);
  given.add("CI_PAGES_DOMAIN", "pages." + host);
  given.add("CI_PAGES_URL", "https://" + slug(space) + ".pages." + host + "/" + to_lower(name));
}

void add_commit(Given& given, const GitlabRequest& request, const std::string& source) {
  const Event& event = request.event;
  const bool tag = !event.tag.empty() && (event.name == "tag" || event.branch.empty());
  const std::string ref = tag ? event.tag : event.branch;
  given.add("CI_COMMIT_SHA", event.sha);
  given.add("CI_COMMIT_SHORT_SHA", event.sha.substr(0, 8));
  given.add("CI_COMMIT_BEFORE_SHA",
            request.facts.before_sha.empty() ? std::string(40, '0') : request.facts.before_sha);
  given.add("CI_COMMIT_REF_NAME", ref);
  given.add("CI_COMMIT_REF_SLUG", slug(ref));
  given.add("CI_COMMIT_REF_PROTECTED", request.project.ref_protected ? "true" : "false");
  given.add("CI_COMMIT_TITLE", request.facts.title);
  given.add("CI_COMMIT_MESSAGE", request.facts.message);
  const std::size_t blank = request.facts.message.find("\n\n");
  if (blank != std::string::npos)
    given.add("CI_COMMIT_DESCRIPTION", request.facts.message.substr(blank + 2));
  given.add("CI_COMMIT_AUTHOR", request.facts.author);
  given.add("CI_COMMIT_TIMESTAMP", request.facts.timestamp);
  if (tag) given.add("CI_COMMIT_TAG", event.tag);
  // Spec: CI_COMMIT_BRANCH is not there in merge request pipelines and tag pipelines.
  if (!tag && source != "merge_request_event") given.add("CI_COMMIT_BRANCH", event.branch);
  if (source != "merge_request_event") return;
  const std::string target =
      event.target_branch.empty() ? request.project.default_branch : event.target_branch;
  given.add("CI_MERGE_REQUEST_ID", "1");
  given.add("CI_MERGE_REQUEST_IID", "1");
  given.add("CI_MERGE_REQUEST_EVENT_TYPE", "detached");
  given.add("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", event.branch);
  given.add("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", target);
  given.add("CI_MERGE_REQUEST_PROJECT_ID", "1");
  given.add("CI_MERGE_REQUEST_PROJECT_PATH", request.project.path);
  given.add("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", request.project.path);
  given.add("CI_MERGE_REQUEST_REF_PATH", "refs/merge-requests/1/head");
  given.add("CI_MERGE_REQUEST_TITLE", request.facts.title);
  given.add("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", event.sha);
  given.add("CI_OPEN_MERGE_REQUESTS", request.project.path + "!1");
}

}  // namespace

VariablePlan variable(std::string name, std::string value, VariableLevel level, Span origin) {
  VariablePlan plan;
  plan.name = std::move(name);
  plan.value = std::move(value);
  plan.level = level;
  plan.origin = origin;
  return plan;
}

SharedScope::SharedScope(const std::vector<VariablePlan>& variables) {
  for (const VariablePlan& variable : variables) {
    const VariablePlan*& place =
        (variable.level > VariableLevel::kDotenv ? strong_ : weak_)[variable.name];
    if (place == nullptr || place->level <= variable.level) place = &variable;
  }
}

const VariablePlan* JobScope::find(std::string_view name) const {
  if (const VariablePlan* strong = shared_.strong(name)) return strong;
  const VariablePlan* best = nullptr;
  for (const VariablePlan& variable : own_)
    if (variable.name == name && (best == nullptr || best->level <= variable.level))
      best = &variable;
  return best != nullptr ? best : shared_.weak(name);
}

std::optional<std::string> JobScope::raw(std::string_view name) const {
  const VariablePlan* found = find(name);
  return found == nullptr ? std::nullopt : std::optional(found->value);
}

std::optional<std::string> JobScope::expanded(std::string_view name, int depth) const {
  const VariablePlan* found = find(name);
  if (found == nullptr) return std::nullopt;
  if (found->raw || depth > kMaxNesting || found->value.find_first_of("$%") == std::string::npos)
    return found->value;
  return expand_variables(
      found->value,
      [&](std::string_view inner) {
        return inner == name ? std::nullopt : expanded(inner, depth + 1);
      },
      Unset::kKeep);
}

std::string slug(std::string_view text) {
  constexpr std::size_t most = 63;  // a label of a host name
  std::string out;
  for (const char c : to_lower(text)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    out += plain ? c : '-';
    if (out.size() == most) break;
  }
  const std::size_t begin = std::min(out.find_first_not_of('-'), out.size());
  out.erase(0, begin);
  while (!out.empty() && out.back() == '-') out.pop_back();
  return out;
}

std::string environment_slug(const std::string& name) {
  constexpr std::size_t kMost = 24;
  std::string out;
  for (const char c : to_lower(name)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain || !out.ends_with('-')) out += plain ? c : '-';
  }
  if (out.empty() || out.front() < 'a' || out.front() > 'z')
    out.insert(0, out.starts_with('-') ? "env" : "env-");
  if (out.size() <= kMost && out == name) {
    while (out.ends_with('-')) out.pop_back();
    return out;
  }
  // The last six digits of the name's SHA-256 in base 36: its value modulo 36^6.
  constexpr std::uint64_t kModulus = 2'176'782'336;
  std::uint64_t value = 0;
  for (const char c : Digest::of(name).hex()) {
    const auto digit = static_cast<std::uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
    value = (value * 16 + digit) % kModulus;
  }
  std::string suffix(6, '0');
  for (std::size_t at = 6; at-- > 0; value /= 36)
    suffix[at] = "0123456789abcdefghijklmnopqrstuvwxyz"[value % 36];
  out.resize(std::min<std::size_t>(out.size(), kMost - 7));
  if (!out.ends_with('-')) out += '-';
  return out + suffix;
}

std::string project_dir(const GitlabProject& project) { return "/builds/" + project.path; }

std::string pipeline_source(const GitlabRequest& request) {
  if (!request.source.empty()) return request.source;
  for (const EventRow& row : kSources)
    if (row.event == request.event.name) return std::string(row.source);
  return request.event.name;
}

std::vector<VariablePlan> pipeline_variables(const GitlabRequest& request) {
  const std::string source = pipeline_source(request);
  const std::string host =
      request.project.url.empty() ? "gitlab.example.com" : host_of(request.project.url);
  Given given;
  add_server(given, host);
  add_project(given, request.project, host);
  add_commit(given, request, source);
  const std::string id = std::to_string(request.facts.pipeline_id);
  given.add("CI_PIPELINE_ID", id);
  given.add("CI_PIPELINE_IID", id);
  given.add("CI_PIPELINE_SOURCE", source);
  given.add("CI_PIPELINE_CREATED_AT", request.facts.created_at);
  given.add("CI_PIPELINE_URL",
            "https://" + host + "/" + request.project.path + "/-/pipelines/" + id);
  given.add("CI_PIPELINE_TRIGGERED", source == "trigger" ? "true" : "");
  given.add("GITLAB_USER_LOGIN", request.event.actor);
  given.add("GITLAB_USER_NAME", request.event.actor);
  given.add("GITLAB_USER_ID", "1");
  const std::string& author = request.facts.author;
  const std::size_t mail = author.find('<');
  if (mail != std::string::npos)
    given.add("GITLAB_USER_EMAIL", author.substr(mail + 1, author.find('>') - mail - 1));
  return given.take();
}

std::vector<VariablePlan> job_variables(const GitlabRequest& request, const JobPlan& job,
                                        std::string_view stage, long long id) {
  Given given;
  given.add("CI_JOB_ID", std::to_string(id));
  given.add("CI_JOB_NAME", job.instance);
  given.add("CI_JOB_NAME_SLUG", slug(job.instance));
  given.add("CI_JOB_STAGE", std::string(stage));
  given.add("CI_JOB_GROUP_NAME", job.name);
  given.add("CI_JOB_MANUAL", job.manual ? "true" : "");
  given.add("CI_NODE_TOTAL", std::to_string(job.node_total > 0 ? job.node_total : 1));
  if (job.node_index > 0) given.add("CI_NODE_INDEX", std::to_string(job.node_index));
  const std::string host =
      request.project.url.empty() ? "gitlab.example.com" : host_of(request.project.url);
  given.add("CI_JOB_URL",
            "https://" + host + "/" + request.project.path + "/-/jobs/" + std::to_string(id));
  std::vector<VariablePlan> all = given.take();
  if (!job.image.name.empty() && !job.image.is_host())
    all.push_back(variable("CI_JOB_IMAGE", job.image.name.source(), VariableLevel::kPredefined));
  return all;
}

}  // namespace slipway::pipeline::gitlab
