// A job whose texts hold `$NAME`, as it is to be run: every such text by its value.
#include <map>
#include <utility>

#include "pipeline/variables.h"

namespace slipway::pipeline {
namespace {

class Settler {
 public:
  explicit Settler(const std::vector<VariablePlan>& variables) {
    for (const VariablePlan& variable : variables) values_.emplace(variable.name, variable.value);
  }

  void job(JobPlan& job) const {
    image(job.image);
    for (StepPlan& step : job.steps)
      if (step.image) image(*step.image);
    for (ServicePlan& service : job.services) this->service(service);
    for (CachePlan& cache : job.caches) this->cache(cache);
    artifacts(job.artifacts);
    text(job.environment.name);
    text(job.environment.url);
    text(job.lock);
    texts(job.labels);
    value(job.release);
    if (job.trigger) trigger(*job.trigger);
  }

 private:
  void text(std::string& text) const {
    if (text.find_first_of("$%") == std::string::npos) return;
    text = expand_variables(
        text,
        [&](std::string_view name) {
          const auto found = values_.find(name);
          return found == values_.end() ? std::nullopt : std::optional(found->second);
        },
        Unset::kEmpty);
  }
  void text(Template& literal) const {
    std::string source = literal.source();
    text(source);
    literal = Template(std::move(source));
  }
  void texts(std::vector<std::string>& list) const {
    for (std::string& item : list) text(item);
  }
  void value(Value& value) const {
    if (value.string() != nullptr) {
      std::string settled = *value.string();
      text(settled);
      value = Value(std::move(settled));
    }
    if (Value::List* list = value.list())
      for (Value& item : *list) this->value(item);
    if (Value::Map* map = value.map())
      for (auto& [key, item] : *map) this->value(item);
  }

  void image(ImageSpec& image) const {
    if (!image.is_host()) text(image.name);
    text(image.platform);
    text(image.user);
    if (image.entrypoint) texts(*image.entrypoint);
  }
  void service(ServicePlan& service) const {
    image(service.image);
    texts(service.aliases);
    for (EnvEntry& entry : service.env) text(entry.value);
    if (service.command) texts(*service.command);
    if (service.entrypoint) texts(*service.entrypoint);
  }
  void cache(CachePlan& cache) const {
    static constexpr std::pair<std::string_view, CachePolicy> kPolicies[] = {
        {"pull", CachePolicy::kPull},
        {"push", CachePolicy::kPush},
        {"pull-push", CachePolicy::kBoth}};
    text(cache.key);
    texts(cache.key_files);
    for (Template& fallback : cache.fallback) text(fallback);
    texts(cache.paths);
    text(cache.policy_text);
    for (const auto& [word, policy] : kPolicies)
      if (cache.policy_text == word) cache.policy = policy;
  }
  void artifacts(ArtifactsPlan& artifacts) const {
    texts(artifacts.paths);
    texts(artifacts.exclude);
    text(artifacts.name);
    for (auto& [kind, paths] : artifacts.reports) texts(paths);
  }
  void trigger(TriggerPlan& trigger) const {
    for (TriggerFile& file : trigger.files) text(file.path);
    value(trigger.inputs);
  }

  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace

JobPlan settle_variables(const Plan& plan, const JobPlan& job,
                         const std::vector<VariablePlan>& late) {
  JobPlan settled = job;
  if (plan.dialect == Dialect::kNative) return settled;
  std::vector<VariablePlan> all = plan.variables;
  all.insert(all.end(), job.variables.begin(), job.variables.end());
  all.insert(all.end(), late.begin(), late.end());
  const std::string file_dir = plan.workspace + ".tmp";
  std::vector<VariablePlan> resolved = resolve_variables(std::move(all), file_dir);
  EnvLayer layer;
  layer.reserve(resolved.size());
  for (VariablePlan& variable : resolved) {
    if (variable.file) {
      settled.files.push_back({file_dir + "/" + variable.name, variable.value});
      variable.value = settled.files.back().path;
    }
    layer.push_back({variable.name, Template(variable.value), variable.origin});
  }
  Settler(resolved).job(settled);
  settled.env.push_back(std::move(layer));
  settled.variables = std::move(resolved);
  return settled;
}

}  // namespace slipway::pipeline
