// A GitLab plan as a native pipeline file. What the native language says otherwise, or not at all, stands as a comment
// above the job it concerns.
#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "pipeline/gitlab.h"
#include "pipeline/graph/preview_tree.h"

namespace slipway::pipeline {
namespace {

// Predefined variables that the native language knows under another name; the rest stays as it was for this event.
struct KnownRow {
  std::string_view name;
  std::string_view expression;
};
constexpr std::array<KnownRow, 6> kKnown{{{"CI_COMMIT_SHA", "${{ sha }}"},
                                          {"CI_COMMIT_BRANCH", "${{ branch }}"},
                                          {"CI_COMMIT_TAG", "${{ tag }}"},
                                          {"CI_COMMIT_REF_NAME", "${{ tag ? tag : branch }}"},
                                          {"CI_PIPELINE_ID", "${{ run.id }}"},
                                          {"GITLAB_USER_LOGIN", "${{ actor }}"}}};

std::string escaped(std::string text) {
  for (std::size_t at = text.find("${{"); at != std::string::npos; at = text.find("${{", at + 4))
    text.insert(at, "$");
  return text;
}

bool mentions(std::string_view text, std::string_view name) {
  for (std::size_t at = text.find(name); at != std::string_view::npos;
       at = text.find(name, at + 1)) {
    const std::size_t end = at + name.size();
    const auto part_of_name = [&](std::size_t i) {
      return i < text.size() &&
             (std::isalnum(static_cast<unsigned char>(text[i])) != 0 || text[i] == '_');
    };
    if (!part_of_name(end) && !(at > 0 && part_of_name(at - 1))) return true;
  }
  return false;
}

class Converter {
 public:
  explicit Converter(const Plan& plan) : plan_(plan) {
    for (const JobPlan& job : plan.jobs) names_.push_back(native_name(job.instance));
  }

  std::string run() {
    std::string out =
        "# Converted from a .gitlab-ci.yml. rules, only, except and workflow were decided for one "
        "event: say with on: and\n"
        "# if: when the others run. Stages have become needs:. " +
        std::string("GitLab's variables that scripts name are in env:.\n");
    out += "name: " + Json(plan_.name).dump() + "\n";
    if (plan_.jobs.empty()) return out + "jobs: {}\n";
    out += "jobs:\n";
    for (std::size_t at = 0; at < plan_.jobs.size(); ++at) out += job(at);
    return out;
  }

 private:
  std::string native_name(const std::string& instance) {
    std::string name;
    for (const char c : instance.substr(0, 120)) {
      const bool bad = static_cast<unsigned char>(c) < 0x20 ||
                       std::string_view("/\\()").find(c) != std::string_view::npos;
      name += bad ? '-' : c;
    }
    while (name.starts_with('.') || name.starts_with("x-")) name.insert(0, "_");
    std::string unique(trim(printable(to_valid_utf8(name))));
    const std::string base = unique;
    for (int count = 2; !taken_.insert(unique).second; ++count)
      unique = base + " " + std::to_string(count);
    return unique;
  }

  void note(std::string text) { notes_.push_back(std::move(text)); }

  std::string job(std::size_t at) {
    notes_.clear();
    JobPlan native = settle_variables(plan_, plan_.jobs[at], {});
    native.name = native.instance = names_[at];
    if (names_[at] != plan_.jobs[at].instance) note("was called " + plan_.jobs[at].instance);
    native.matrix = Value();
    environment(native);
    needs(native);
    policy(native);
    beside(native);
    steps(native);
    clear_origins(native);
    Plan one;
    one.jobs.push_back(std::move(native));
    std::string text = preview_yaml(preview_tree(one), {});
    text.erase(0, text.find('\n') + 1);  // "jobs:"
    std::string out = "\n";
    for (const std::string& line : notes_) out += "  # " + printable(line) + "\n";
    return out + text;
  }

  // Variables that a script may see: those of the file, and predefined ones that some text names.
  void environment(JobPlan& native) {
    std::string all;
    for (const StepPlan& step : native.steps) all += step.script.source;
    EnvLayer layer;
    for (const KnownRow& row : kKnown)
      if (mentions(all, row.name))
        layer.push_back({std::string(row.name), Template(std::string(row.expression)), {}});
    for (const VariablePlan& variable : native.variables) {
      const bool given = variable.level == VariableLevel::kPredefined;
      const bool known = std::any_of(kKnown.begin(), kKnown.end(), [&](const KnownRow& row) {
        return row.name == variable.name;
      });
      if (given && (known || !mentions(all, variable.name))) continue;
      if (!variable.masked && !variable.file)
        layer.push_back({variable.name, Template(escaped(variable.value)), {}});
    }
    for (const VariablePlan& variable : native.variables)
      if (variable.masked || variable.file)
        native.secrets.push_back({variable.name, variable.name, variable.file, {}});
    native.env = {std::move(layer)};
    native.variables.clear();
    if (all.find(plan_.workspace) != std::string::npos)
      note("the checkout is at /workspace here, not at " + plan_.workspace);
  }

  void needs(JobPlan& native) {
    bool staged = false;
    for (Need& need : native.needs) {
      staged |= need.kind == NeedKind::kStage;
      need.name = names_[need.job];
    }
    if (staged)
      note(
          "a job of an earlier stage that was skipped does not hold GitLab's job back; a skipped "
          "need does");
    if (!native.parent_needs.empty()) note("artifacts of the parent pipeline: not brought");
  }

  void policy(JobPlan& native) {
    if (native.run == RunPolicy::kOnFailure) {
      native.run = RunPolicy::kAlways;
      std::vector<Diagnostic> none;
      native.condition = Expression::parse("failure()", {}, ExpressionPlace::kCondition, none);
    }
    if (native.start_in)
      note("started " + format_duration(*native.start_in) + " after its needs; here at once");
    if (!native.confirmation.empty()) note("asked before it ran: " + native.confirmation);
    if (!native.refused.empty()) note("did not run here either: " + native.refused);
    const auto before = native.retry.when.size();
    std::erase_if(native.retry.when, [](const std::string& cause) {
      return cause != "agent-lost" && cause != "timeout" && cause != "failure";
    });
    if (native.retry.when.size() != before)
      note("retry: causes that the native file does not know are left out");
    if (native.retry.when.empty() && native.retry.exit_codes.empty() && before > 0)
      native.retry.max = 0;
    if (!native.coverage.empty())
      note("coverage: /" + native.coverage + "/ is not read from the log");
    if (!native.release.is_null()) note("release: make it in a step");
    if (native.environment.action != EnvironmentAction::kStart ||
        !native.environment.on_stop.empty() || native.environment.stop_after)
      note("environment: action, on_stop and auto_stop_in are left out");
  }

  void beside(JobPlan& native) {
    for (CachePlan& cache : native.caches) {
      std::string key = escaped(cache.key.source());
      if (!cache.key_files.empty()) {
        std::vector<std::string> quoted;
        for (const std::string& file : cache.key_files) quoted.push_back("'" + file + "'");
        key += (key.empty() ? "" : "-") + std::string("${{ hash(") + join(quoted, ", ") + ") }}";
        cache.key_files.clear();
      }
      if (key.empty()) key = "default";
      cache.key = Template(key);
      if (cache.untracked) note("cache: untracked: name the paths");
      if (cache.when != ArtifactsWhen::kOnSuccess) note("cache: when: saved after success only");
    }
    std::erase_if(native.caches, [](const CachePlan& cache) { return cache.paths.empty(); });
    if (native.artifacts.untracked) note("artifacts: untracked: name the paths");
    for (const auto& [kind, paths] : native.artifacts.reports)
      if (kind == "dotenv")
        note("dotenv (" + join(paths, ", ") +
             "): write NAME=value to $SLIPWAY_OUTPUT and name outputs:");
    std::erase_if(native.artifacts.reports, [](const auto& report) {
      return report.first != "junit" && report.first != "cobertura";
    });
    if (const auto cobertura = native.artifacts.reports.find("cobertura");
        cobertura != native.artifacts.reports.end()) {
      native.artifacts.reports["coverage"] = cobertura->second;
      native.artifacts.reports.erase("cobertura");
    }
    for (ServicePlan& service : native.services) {
      if (service.ready && service.ready->kind == ReadyCheck::Kind::kExposed) {
        service.ready.reset();
        note("service " + service.name +
             ": GitLab waits for its first port; say ready: { tcp: PORT }");
      }
      std::string id;
      for (const char c : service.name)
        id += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
      std::erase(service.aliases, service.name);
      if (id != service.name) service.aliases.push_back(service.name);
      service.name = id;
    }
    if (native.image.pull == PullPolicy::kTryAlways) native.image.pull = PullPolicy::kAlways;
  }

  void steps(JobPlan& native) {
    for (StepPlan& step : native.steps) {
      step.script.source = escaped(std::move(step.script.source));
      step.name = step.id == "script" ? "" : step.id;
      // CI_JOB_STATUS is an expression of the native language already.
      if (!mentions(step.script.source, "CI_JOB_STATUS")) step.env.clear();
      if (step.advisory) note("after_script could not fail the job; this step can");
    }
    if (native.trigger) {
      std::vector<std::string> files;
      for (const TriggerFile& file : native.trigger->files) files.push_back(file.path);
      note("started a child pipeline of " + join(files, ", ") + "; include those files instead");
      StepPlan step;
      step.id = "trigger";
      step.script.source = "echo child pipeline: " + shell_quote(join(files, " ")) + "\n";
      native.steps.push_back(std::move(step));
      native.trigger.reset();
    }
  }

  static void clear_origins(JobPlan& native) {
    native.origin = native.image.origin = native.artifacts.origin = {};
    for (Need& need : native.needs) need.origin = {};
    for (StepPlan& step : native.steps) {
      step.origin = {};
      for (EnvEntry& entry : step.env) entry.origin = {};
    }
    for (ServicePlan& service : native.services) service.origin = service.image.origin = {};
    for (CachePlan& cache : native.caches) cache.origin = {};
    for (SecretUse& secret : native.secrets) secret.origin = {};
  }

  const Plan& plan_;
  std::vector<std::string> names_;
  std::set<std::string> taken_;
  std::vector<std::string> notes_;
};

}  // namespace

std::string convert_gitlab(const Plan& plan, const SourceSet&) { return Converter(plan).run(); }

}  // namespace slipway::pipeline
