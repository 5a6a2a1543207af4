// What stands beside a job's steps: needs, services, caches, artifacts, secrets.
#include <map>

#include "base/text.h"
#include "pipeline/check/check_shape.h"
#include "pipeline/model/read.h"

namespace slipway::pipeline {

namespace {

using yaml::Entry;
using yaml::Node;

struct ReadyForm {
  std::string_view key;
  ReadyCheck::Kind kind;
};
constexpr ReadyForm kReadyForms[] = {{"tcp", ReadyCheck::Kind::kTcp},
                                     {"http", ReadyCheck::Kind::kHttp},
                                     {"cmd", ReadyCheck::Kind::kCommand}};

std::optional<ReadyCheck> read_ready(const Entry* entry, Reader& reader) {
  if (entry == nullptr || !entry->value.is_map()) return std::nullopt;
  ReadyCheck check;
  int forms = 0;
  for (const ReadyForm& form : kReadyForms) {
    const Node* target = entry->value.get(form.key);
    if (target == nullptr) continue;
    ++forms;
    check.kind = form.kind;
    check.target = read_string(target);
  }
  if (forms != 1)
    report(reader.out(), entry->key_span, "\"ready\" needs exactly one of tcp, http and cmd",
           "for example ready: { tcp: 5432 }");
  check.every = read_duration(entry->value.get("every")).value_or(check.every);
  check.within = read_duration(entry->value.get("within")).value_or(check.within);
  return check;
}

ServicePlan read_service(const Entry& entry, Reader& reader) {
  ServicePlan service;
  service.name = entry.key;
  service.origin = entry.key_span;
  const Node& node = entry.value;
  if (node.is_scalar()) service.image = reader.image(node);
  if (const Node* image = node.get("image")) service.image = reader.image(*image);
  service.aliases = read_strings(node.get("alias"));
  service.env = reader.env(node.get("env"));
  if (const Node* command = node.get("command")) service.command = read_command(*command);
  if (const Node* words = node.get("entrypoint")) service.entrypoint = read_command(*words);
  service.user = read_string(node.get("user"));
  if (node.is_map()) service.resources = reader.resources(&node);
  service.ready = read_ready(node.find("ready"), reader);
  if (service.image.is_host())
    report(reader.out(), service.image.origin.valid() ? service.image.origin : entry.key_span,
           "a service cannot run on image host", "name an image");
  return service;
}

}  // namespace

std::vector<Need> read_needs(const Entry& job, Reader& reader) {
  std::vector<Need> needs;
  std::map<std::string, Span> seen;
  for (const Node* node : one_or_many(job.value.get("needs"))) {
    const Node* name = node->is_map() ? node->get("job") : node;
    if (name == nullptr || !name->is_scalar()) continue;
    Need need;
    need.name = reader.fixed_text(name, "needs");
    need.optional = read_bool(node->get("optional"), false);
    need.artifacts = read_bool(node->get("artifacts"), true);
    need.origin = name->span;
    if (need.name.empty()) continue;
    const auto [first, fresh] = seen.emplace(need.name, need.origin);
    if (fresh) {
      needs.push_back(std::move(need));
    } else {
      report(reader.out(), need.origin, quoted(need.name) + " is needed twice", "name it once",
             {DiagnosticNote{first->second, "the first is here"}});
    }
  }
  return needs;
}

std::vector<ServicePlan> read_services(const Node* node, Reader& reader) {
  std::vector<ServicePlan> services;
  if (node == nullptr) return services;
  std::map<std::string, Span> names;
  for (const Entry& entry : node->entries) {
    if (entry.key.starts_with("x-")) continue;
    services.push_back(read_service(entry, reader));
    names.emplace(entry.key, entry.key_span);
  }
  for (const ServicePlan& service : services) {
    for (const std::string& alias : service.aliases) {
      const auto [first, fresh] = names.emplace(alias, service.origin);
      if (!fresh && first->second != service.origin)
        report(reader.out(), service.origin, "two services answer to " + quoted(alias), "",
               {DiagnosticNote{first->second, "the other is here"}});
    }
  }
  return services;
}

std::vector<CachePlan> read_caches(const Node* node, Reader& reader) {
  static constexpr std::pair<std::string_view, CachePolicy> kPolicies[] = {
      {"pull", CachePolicy::kPull}, {"push", CachePolicy::kPush}, {"both", CachePolicy::kBoth}};
  std::vector<CachePlan> caches;
  for (const Node* item : one_or_many(node)) {
    if (!item->is_map()) continue;
    CachePlan cache;
    cache.origin = item->span;
    cache.key = reader.text(item->get("key"), ExpressionPlace::kName);
    for (const Node* prefix : one_or_many(item->get("fallback")))
      cache.fallback.push_back(reader.text(prefix, ExpressionPlace::kName));
    cache.paths = read_strings(item->get("paths"));
    cache.policy = read_word(item->get("policy"), kPolicies, CachePolicy::kBoth);
    caches.push_back(std::move(cache));
  }
  return caches;
}

ArtifactsPlan read_artifacts(const Node* node) {
  static constexpr std::pair<std::string_view, ArtifactsWhen> kWhen[] = {
      {"on-success", ArtifactsWhen::kOnSuccess},
      {"always", ArtifactsWhen::kAlways},
      {"on-failure", ArtifactsWhen::kOnFailure}};
  ArtifactsPlan artifacts;
  if (node == nullptr) return artifacts;
  artifacts.origin = node->span;
  if (!node->is_map()) {
    artifacts.paths = read_strings(node);
    return artifacts;
  }
  artifacts.paths = read_strings(node->get("paths"));
  artifacts.exclude = read_strings(node->get("exclude"));
  artifacts.expire = read_duration(node->get("expire"));
  artifacts.when = read_word(node->get("when"), kWhen, ArtifactsWhen::kOnSuccess);
  if (const Node* reports = node->get("reports"))
    for (const Entry& entry : reports->entries)
      if (!entry.key.starts_with("x-"))
        artifacts.reports.emplace(entry.key, read_strings(&entry.value));
  return artifacts;
}

std::vector<SecretUse> read_secrets(const Node* node, Reader& reader) {
  std::vector<SecretUse> secrets;
  std::map<std::string, Span> names;
  for (const Node* item : one_or_many(node)) {
    SecretUse use;
    use.origin = item->span;
    use.name = read_string(item->is_map() ? item->get("name") : item);
    use.as = read_string(item->get("as"));
    use.file = read_bool(item->get("file"), false);
    if (use.as.empty()) use.as = use.name;
    if (use.name.empty()) continue;
    const auto [first, fresh] = names.emplace(use.as, use.origin);
    if (!fresh)
      report(reader.out(), use.origin, "two secrets are given as " + quoted(use.as),
             "choose another name with as:", {DiagnosticNote{first->second, "the first is here"}});
    secrets.push_back(std::move(use));
  }
  return secrets;
}

}  // namespace slipway::pipeline
