// Triggers of child pipelines, and the keys this program does nothing with, each said by name.
#include <array>

#include "base/text.h"
#include "pipeline/check/check_shape.h"
#include "pipeline/gitlab/job.h"
#include "pipeline/gitlab/language.h"
#include "pipeline/model/read.h"

namespace slipway::pipeline::gitlab {
namespace {

using yaml::Entry;
using yaml::Node;

void refuse(JobPlan& job, Span span, std::string what, const std::string& help,
            std::vector<Diagnostic>& out) {
  warn(out, span, what + " is not supported: the job fails when it runs", help);
  if (job.refused.empty()) job.refused = what + " is not supported; " + help;
}

void read_trigger_file(const Node& item, TriggerPlan& trigger, JobPlan& job,
                       std::vector<Diagnostic>& out) {
  static constexpr std::array<std::string_view, 4> kElsewhere{"template", "project", "remote",
                                                              "component"};
  TriggerFile file;
  file.origin = item.span;
  if (item.is_scalar()) {
    file.path = item.text;
  } else if (const Node* local = item.get("local")) {
    file.path = local->text;
  } else if (const Node* artifact = item.get("artifact")) {
    file.path = artifact->text;
    file.written_by = read_string(item.get("job"));
    if (file.written_by.empty())
      report(out, item.span, "an artifact of a trigger needs job:", "name the job that writes it");
  }
  for (const std::string_view key : kElsewhere)
    if (const Entry* entry = item.find(key))
      refuse(job, entry->key_span, "a child pipeline from " + std::string(key),
             "include it in a file of this repository and trigger that", out);
  while (file.path.starts_with('/')) file.path.erase(0, 1);
  if (const Node* inputs = item.get("inputs")) trigger.inputs = yaml::to_value(*inputs);
  if (!file.path.empty()) trigger.files.push_back(std::move(file));
}

struct UnsupportedKey {
  std::string_view key;
  std::string_view what;
  std::string_view help;
};
// Keys without which the job still does its work.
constexpr std::array<UnsupportedKey, 5> kIgnored{{
    {"pages", "pages are not published",
     "the files are kept as an artifact when artifacts: names them"},
    {"publish", "pages are not published", "name the files in artifacts:"},
    {"identity", "no identity provider is asked", "give what the job needs with --secret NAME"},
    {"dast_configuration", "dast_configuration says nothing here", "set the scanner's variables"},
    {"inputs", "inputs of a job are not supported", "use variables:"},
}};

}  // namespace

TriggerPlan read_trigger(const Node& node, JobPlan& job, std::vector<Diagnostic>& out) {
  static constexpr std::pair<std::string_view, TriggerStrategy> kStrategies[] = {
      {"depend", TriggerStrategy::kDepend}, {"mirror", TriggerStrategy::kMirror}};
  TriggerPlan trigger;
  const Node* project = node.is_scalar() ? &node : node.get("project");
  if (project != nullptr)
    refuse(job, project->span, "a pipeline of another project (" + printable(project->text) + ")",
           "run it in that project's checkout", out);
  if (!node.is_map()) return trigger;
  if (const Node* inputs = node.get("inputs")) trigger.inputs = yaml::to_value(*inputs);
  for (const Node* item : one_or_many(node.get("include")))
    read_trigger_file(*item, trigger, job, out);
  trigger.strategy = read_word(node.get("strategy"), kStrategies, TriggerStrategy::kNone);
  if (const Node* forward = node.get("forward")) {
    const auto flag = [&](std::string_view key, bool fallback) {
      const Node* value = forward->get(key);
      return value == nullptr ? fallback : as_flag(*value).value_or(fallback);
    };
    trigger.forward_yaml = flag("yaml_variables", true);
    trigger.forward_pipeline = flag("pipeline_variables", false);
  }
  if (project == nullptr && trigger.files.empty() && job.refused.empty())
    report(out, node.span, "a trigger that names nothing", "include: with a file, or project:");
  return trigger;
}

void say_unsupported(const JobKeys& keys, JobPlan& job, std::vector<Diagnostic>& out) {
  for (const UnsupportedKey& row : kIgnored)
    if (const Entry* entry = keys.entry(row.key); entry != nullptr && !entry->value.is_null())
      warn(out, entry->key_span, std::string(row.what), std::string(row.help));
  if (const Entry* run = keys.entry("run"))
    refuse(job, run->key_span, "run: (GitLab's steps)", "write the commands in script:", out);
  if (const Node* tokens = keys.get("id_tokens"))
    for (const Entry& entry : tokens->entries)
      warn(out, entry.key_span,
           "nobody here issues id tokens: $" + printable(entry.key) + " is not set",
           "give one with --secret " + printable(entry.key));
  if (const Node* secrets = keys.own("secrets"); secrets != nullptr && secrets->is_map()) {
    for (const Entry& entry : secrets->entries) {
      SecretUse use{entry.key, entry.key, true, entry.key_span};
      if (const Node* file = entry.value.get("file")) use.file = as_flag(*file).value_or(true);
      warn(out, entry.key_span, "no vault is asked for " + printable(entry.key),
           "give it with --secret " + printable(entry.key));
      job.secrets.push_back(std::move(use));
    }
  }
  if (const Node* environment = keys.own("environment"))
    if (const Entry* kubernetes = environment->find("kubernetes"))
      warn(out, kubernetes->key_span, "\"kubernetes\" says nothing here",
           "remove it, or keep it for GitLab");
  for (const std::string_view policy : {"only", "except"}) {
    const Node* node = keys.own(policy);
    const Entry* kubernetes = node == nullptr ? nullptr : node->find("kubernetes");
    if (kubernetes != nullptr)
      warn(out, kubernetes->key_span,
           "no Kubernetes is known here: the condition is taken as not there");
  }
}

}  // namespace slipway::pipeline::gitlab
