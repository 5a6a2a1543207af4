// The plan as a tree for `runner preview`: names and shapes are those of the pipeline file.
#include "pipeline/graph/preview_tree.h"

#include <algorithm>
#include <array>

#include "base/units.h"
#include "pipeline/graph/known_text.h"

namespace slipway::pipeline {
namespace {

using Node = PreviewNode;

// Exact, unlike format_duration(): what is shown can be put into a file again.
std::string duration_text(Millis duration) {
  struct Unit {
    std::int64_t millis;
    const char* name;
  };
  static constexpr std::array<Unit, 5> kUnits{
      {{86'400'000, "d"}, {3'600'000, "h"}, {60'000, "m"}, {1000, "s"}, {1, "ms"}}};
  std::int64_t rest = duration.count();
  std::string text;
  for (const Unit& unit : kUnits) {
    if (rest >= unit.millis) text += std::to_string(rest / unit.millis) + unit.name;
    rest %= unit.millis;
  }
  return text.empty() ? "0s" : text;
}

class PlanPrinter {
 public:
  explicit PlanPrinter(const JobPlan& job) : job_(job) {}

  Node job() const {
    Node node = Node::map(job_.origin);
    if (!job_.matrix.is_null()) node.add("matrix", Node::of(job_.matrix));
    node.add("image", image(job_.image));
    add_rules(node);
    for (const EnvLayer& layer : job_.env) node.add("env", env(layer));
    add_needs(node);
    add_secrets(node);
    add_services(node);
    add_caches(node);
    Node steps = Node::list({});
    for (const StepPlan& one : job_.steps) steps.items.push_back(step(one));
    node.add("steps", std::move(steps));
    Node outputs = Node::map();
    for (const OutputPlan& output : job_.outputs) {
      outputs.add(output.name, Node::of(text(output.value), output.origin));
    }
    node.add("outputs", std::move(outputs));
    node.add("artifacts", artifacts());
    return node;
  }

 private:
  std::string text(const Template& value) const { return known_text(value, job_.matrix); }

  Node image(const ImageSpec& spec) const {
    static constexpr std::array<const char*, 4> kPull{"missing", "always", "never", "always"};
    const bool plain = spec.pull == PullPolicy::kMissing && spec.platform.empty() &&
                       spec.user.empty() && !spec.entrypoint;
    if (plain) return Node::of(text(spec.name), spec.origin);
    Node node = Node::map(spec.origin);
    node.add_text("name", text(spec.name), spec.origin);
    node.add("pull", Node::of(kPull[static_cast<std::size_t>(spec.pull)]));
    node.add_text("platform", spec.platform);
    node.add_text("user", spec.user);
    if (spec.entrypoint) node.add("entrypoint", Node::list(*spec.entrypoint));
    return node;
  }

  Node env(const EnvLayer& layer) const {
    Node node = Node::map();
    for (const EnvEntry& entry : layer)
      node.add(entry.name, Node::of(text(entry.value), entry.origin));
    return node;
  }

  static Node resources(const Resources& limits) {
    Node node = Node::map();
    if (limits.cpus) node.add("cpus", Node::of(*limits.cpus));
    // Bytes, not "1.5 GiB": what is shown can be put into a file again.
    if (limits.memory) node.add("memory", Node::of(static_cast<double>(limits.memory->value)));
    if (limits.pids) node.add("pids", Node::of(static_cast<double>(*limits.pids)));
    if (limits.disk) node.add("disk", Node::of(static_cast<double>(limits.disk->value)));
    return node;
  }

  void add_rules(Node& node) const {
    static constexpr std::array<const char*, 3> kNetwork{"bridge", "none", "host"};
    if (job_.condition) node.add("if", Node::of(job_.condition->text(), job_.condition->span()));
    node.add("paths", Node::list(job_.paths));
    node.add("labels", Node::list(job_.labels));
    node.add("resources", resources(job_.resources));
    node.add("network", Node::of(kNetwork[static_cast<std::size_t>(job_.network)]));
    node.add("timeout", Node::of(duration_text(job_.timeout)));
    if (job_.docker_socket) node.add("docker", Node::of(true));
    if (job_.retry.max > 0) node.add("retry", retry());
    if (job_.allow_failure.any) node.add("allow-failure", Node::of(true));
    if (!job_.allow_failure.exit_codes.empty()) {
      Node codes = Node::map();
      codes.add("exit", exit_codes(job_.allow_failure.exit_codes));
      node.add("allow-failure", std::move(codes));
    }
    if (job_.run == RunPolicy::kAlways) node.add("always", Node::of(true));
    if (job_.manual) node.add("manual", Node::of(true));
    if (job_.interruptible) node.add("interruptible", Node::of(true));
    Node approve = Node::map();
    approve.add("by", Node::list(job_.approvers));
    node.add("approve", std::move(approve));
    node.add_text("lock", job_.lock);
    Node environment = Node::map();
    environment.add_text("name", job_.environment.name);
    environment.add_text("url", text(job_.environment.url));
    node.add("environment", std::move(environment));
  }

  static Node exit_codes(const std::vector<int>& codes) {
    Node list = Node::list({});
    for (const int code : codes) list.items.push_back(Node::of(code));
    return list;
  }

  Node retry() const {
    Node node = Node::map();
    node.add("max", Node::of(job_.retry.max));
    Node when = Node::list(job_.retry.when);
    if (!job_.retry.exit_codes.empty()) {
      Node exit = Node::map();
      exit.add("exit", exit_codes(job_.retry.exit_codes));
      when.items.push_back(std::move(exit));
    }
    node.add("when", std::move(when));
    return node;
  }

  void add_needs(Node& node) const {
    Node list = Node::list({});
    std::vector<std::string> seen;
    for (const Need& need : job_.needs) {
      if (std::find(seen.begin(), seen.end(), need.name) != seen.end()) continue;
      seen.push_back(need.name);
      if (!need.optional && need.artifacts) {
        list.items.push_back(Node::of(need.name, need.origin));
        continue;
      }
      Node one = Node::map(need.origin);
      one.add("job", Node::of(need.name));
      if (need.optional) one.add("optional", Node::of(true));
      if (!need.artifacts) one.add("artifacts", Node::of(false));
      list.items.push_back(std::move(one));
    }
    node.add("needs", std::move(list));
  }

  void add_secrets(Node& node) const {
    Node list = Node::list({});
    for (const SecretUse& secret : job_.secrets) {
      Node one = Node::map(secret.origin);
      one.add_text("name", secret.name);
      one.add_text("as", secret.as);
      if (secret.file) one.add("file", Node::of(true));
      list.items.push_back(std::move(one));
    }
    node.add("secrets", std::move(list));
  }

  static Node ready(const ReadyCheck& check) {
    static constexpr std::array<const char*, 4> kKinds{"tcp", "http", "cmd", "exposed"};
    Node node = Node::map();
    const char* kind = kKinds[static_cast<std::size_t>(check.kind)];
    if (check.kind == ReadyCheck::Kind::kExposed) node.add(kind, Node::of(true));
    node.add_text(kind, check.target);
    node.add("every", Node::of(duration_text(check.every)));
    node.add("within", Node::of(duration_text(check.within)));
    return node;
  }

  void add_services(Node& node) const {
    Node services = Node::map();
    for (const ServicePlan& service : job_.services) {
      Node one = Node::map(service.origin);
      one.add("image", image(service.image));
      one.add("alias", Node::list(service.aliases));
      one.add("env", env(service.env));
      if (service.command) one.add("command", Node::list(*service.command));
      if (service.entrypoint) one.add("entrypoint", Node::list(*service.entrypoint));
      one.add_text("user", service.user);
      one.add("resources", resources(service.resources));
      if (service.ready) one.add("ready", ready(*service.ready));
      services.add(service.name, std::move(one));
    }
    node.add("services", std::move(services));
  }

  void add_caches(Node& node) const {
    static constexpr std::array<const char*, 3> kPolicies{"pull", "push", "both"};
    Node list = Node::list({});
    for (const CachePlan& cache : job_.caches) {
      Node one = Node::map(cache.origin);
      one.add_text("key", text(cache.key));
      std::vector<std::string> fallback;
      for (const Template& key : cache.fallback) fallback.push_back(text(key));
      one.add("fallback", Node::list(fallback));
      one.add("paths", Node::list(cache.paths));
      one.add("policy", Node::of(kPolicies[static_cast<std::size_t>(cache.policy)]));
      list.items.push_back(std::move(one));
    }
    node.add("cache", std::move(list));
  }

  Node step(const StepPlan& step) const {
    static constexpr std::array<const char*, 4> kKinds{"run", "build", "artifact", "deploy"};
    Node node = Node::map(step.origin);
    node.add_text("id", step.id);
    node.add_text("name", step.name);
    if (step.kind == StepKind::kRun) {
      node.add("run", Node::of(step.script.source));
    } else {
      node.add(kKinds[static_cast<std::size_t>(step.kind)], Node::of(step.settings));
    }
    if (step.image) node.add("image", image(*step.image));
    node.add("env", env(step.env));
    node.add_text("workdir", text(step.workdir));
    node.add_text("shell", step.shell);
    if (step.timeout) node.add("timeout", Node::of(duration_text(*step.timeout)));
    if (step.condition) node.add("if", Node::of(step.condition->text(), step.condition->span()));
    if (step.when == StepWhen::kAlways) node.add("always", Node::of(true));
    if (step.when == StepWhen::kOnFailure) node.add("on-failure", Node::of(true));
    if (step.memo) node.add("memo", Node::of(true));
    node.add("inputs", Node::list(step.inputs));
    return node;
  }

  Node artifacts() const {
    static constexpr std::array<const char*, 3> kWhen{"on-success", "always", "on-failure"};
    const ArtifactsPlan& plan = job_.artifacts;
    Node node = Node::map(plan.origin);
    node.add("paths", Node::list(plan.paths));
    node.add("exclude", Node::list(plan.exclude));
    if (plan.expire) node.add("expire", Node::of(duration_text(*plan.expire)));
    Node reports = Node::map();
    for (const auto& [kind, globs] : plan.reports) reports.add(kind, Node::list(globs));
    node.add("reports", std::move(reports));
    if (!node.members.empty() && plan.when != ArtifactsWhen::kOnSuccess) {
      node.add("when", Node::of(kWhen[static_cast<std::size_t>(plan.when)]));
    }
    return node;
  }

  const JobPlan& job_;
};

}  // namespace

PreviewNode PreviewNode::map(Span where) {
  PreviewNode node;
  node.kind = Kind::kMap;
  node.origin = where;
  return node;
}

PreviewNode PreviewNode::list(const std::vector<std::string>& items, Span where) {
  PreviewNode node;
  node.kind = Kind::kList;
  node.origin = where;
  for (const std::string& item : items) node.items.push_back(of(item));
  return node;
}

PreviewNode PreviewNode::of(Value value, Span where) {
  PreviewNode node;
  node.origin = where;
  if (const Value::Map* members = value.map()) {
    node.kind = Kind::kMap;
    for (const auto& [key, member] : *members) node.members.push_back({key, of(member)});
  } else if (const Value::List* items = value.list()) {
    node.kind = Kind::kList;
    for (const Value& item : *items) node.items.push_back(of(item));
  } else {
    node.scalar = std::move(value);
  }
  return node;
}

bool PreviewNode::empty_container() const {
  return kind != Kind::kScalar && members.empty() && items.empty();
}

PreviewNode& PreviewNode::add(std::string key, PreviewNode node) {
  if (node.empty_container()) return *this;
  // Env layers: the inner one adds to and wins over the outer one.
  for (auto& [name, old] : members) {
    if (name != key || old.kind != Kind::kMap || node.kind != Kind::kMap) continue;
    for (PreviewMember& inner : node.members) {
      std::erase_if(old.members, [&](const PreviewMember& one) { return one.key == inner.key; });
      old.members.push_back(std::move(inner));
    }
    return *this;
  }
  members.push_back({std::move(key), std::move(node)});
  return *this;
}

PreviewNode& PreviewNode::add_text(std::string key, const std::string& text, Span where) {
  return text.empty() ? *this : add(std::move(key), of(text, where));
}

PreviewNode preview_tree(const Plan& plan) {
  PreviewNode tree = Node::map();
  tree.add_text("name", plan.name);
  if (plan.concurrency) {
    Node node = Node::map();
    node.add_text("group", plan.concurrency->group.source());
    node.add("policy",
             Node::of(plan.concurrency->policy == ConcurrencyPolicy::kCancel ? "cancel" : "queue"));
    tree.add("concurrency", std::move(node));
  }
  Node jobs = Node::map();
  for (const JobPlan& job : plan.jobs) jobs.add(job.instance, PlanPrinter(job).job());
  return tree.add("jobs", std::move(jobs));
}

}  // namespace slipway::pipeline
