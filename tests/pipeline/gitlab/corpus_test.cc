// Every file below tests/conformance/gitlab/cases is compiled; what it comes to is kept beside it as .expect. The same
// files go through gitlab-ci-local in tests/conformance/gitlab/compare.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "base/glob.h"
#include "base/text.h"
#include "pipeline/gitlab.h"
#include "tests/support/golden.h"
#include "tests/support/paths.h"

namespace slipway::pipeline {
namespace {

namespace fs = std::filesystem;

const std::string kSuffix = ".gitlab-ci.yml";
const fs::path kFolder = fs::path(testing::source_dir()) / "tests/conformance/gitlab/cases";

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> case_names() {
  std::vector<std::string> names;
  for (const auto& topic : fs::directory_iterator(kFolder)) {
    for (const auto& file : fs::directory_iterator(topic)) {
      const std::string name = file.path().filename().string();
      if (file.is_regular_file() && name.ends_with(kSuffix))
        names.push_back(topic.path().filename().string() + "/" +
                        name.substr(0, name.size() - kSuffix.size()));
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// The files beside a case, as the checkout and the folder for other projects would have them.
class Files {
 public:
  explicit Files(fs::path root) : root_(std::move(root)) {
    if (!fs::exists(root_)) return;
    for (const auto& file : fs::recursive_directory_iterator(root_))
      if (file.is_regular_file()) names_.push_back(fs::relative(file.path(), root_).string());
    std::sort(names_.begin(), names_.end());
  }

  Result<std::vector<SourceFile>> read(const GitlabInclude& include) const {
    static const std::string kElsewhere = ".slipway/gitlab/";
    switch (include.kind) {
      case GitlabInclude::Kind::kLocal:
        return matching(include.location);
      case GitlabInclude::Kind::kProject: {
        const std::string project = kElsewhere + "projects/" + include.project;
        auto at_ref =
            matching(project + "@" + include.ref + "/" + include.location, include.location);
        return at_ref ? at_ref : matching(project + "/" + include.location, include.location);
      }
      case GitlabInclude::Kind::kRemote:
        return matching(kElsewhere + "remote/" +
                        include.location.substr(include.location.find("://") + 3));
      case GitlabInclude::Kind::kTemplate:
        return matching(kElsewhere + "templates/" + include.location);
      case GitlabInclude::Kind::kComponent:
        return matching(kElsewhere + "components/" + include.location + "/template.yml");
    }
    return fail(ErrorCode::kNotFound, "no such kind");
  }

  bool exists(const std::vector<std::string>& globs) const {
    return std::any_of(globs.begin(), globs.end(), [&](const std::string& glob) {
      const Result<Glob> compiled = Glob::compile(glob);
      return compiled && std::any_of(names_.begin(), names_.end(), [&](const std::string& name) {
               return compiled->matches(name);
             });
    });
  }

 private:
  Result<std::vector<SourceFile>> matching(const std::string& pattern,
                                           const std::string& shown = "") const {
    const Glob glob = SLIP_TRY(Glob::compile(pattern));
    std::vector<SourceFile> found;
    for (const std::string& name : names_)
      if (glob.matches(name))
        found.push_back({shown.empty() ? name : shown, slurp(root_ / name), {}});
    if (found.empty()) return fail(ErrorCode::kNotFound, "open " + pattern + ": no such file");
    return found;
  }

  fs::path root_;
  std::vector<std::string> names_;
};

/// "# event: tag" lines at the top of a case.
std::map<std::string, std::string> directives(const std::string& text) {
  std::map<std::string, std::string> found;
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t colon = line.find(": ");
    if (!line.starts_with("# ") || colon == std::string_view::npos) break;
    found[std::string(line.substr(2, colon - 2))] = std::string(line.substr(colon + 2));
  }
  return found;
}

std::vector<std::string> list_of(const std::string& text) {
  std::vector<std::string> items;
  for (const std::string_view item : split(text, ' '))
    if (!item.empty() && item != "-") items.emplace_back(item);
  return items;
}

GitlabRequest request_for(const std::string& name, const Files& files) {
  GitlabRequest request;
  request.file = {".gitlab-ci.yml", slurp(kFolder / (name + kSuffix)), {}};
  const auto given = directives(request.file.text);
  const auto value = [&](const char* key, const std::string& fallback) {
    const auto found = given.find(key);
    return found == given.end() ? fallback : found->second;
  };
  Event& event = request.event;
  event.name = value("event", "push");
  event.tag = value("tag", "");
  event.branch = event.tag.empty() ? value("branch", "main") : "";
  event.sha = "0123456789abcdef0123456789abcdef01234567";
  event.changed_known = given.contains("changed");
  event.changed_paths = list_of(value("changed", ""));
  request.project.path = "group/project";
  if (given.contains("var")) {
    const std::string& pair = given.at("var");
    VariablePlan variable;
    variable.name = pair.substr(0, pair.find('='));
    variable.value = pair.substr(pair.find('=') + 1);
    variable.level = VariableLevel::kRun;
    request.variables.push_back(variable);
  }
  if (given.contains("input")) {
    const std::string& pair = given.at("input");
    event.inputs[pair.substr(0, pair.find('='))] = pair.substr(pair.find('=') + 1);
  }
  const std::vector<std::string> since = list_of(value("since", ""));
  request.changed_since = [since](const std::string&) -> Result<std::vector<std::string>> {
    return since;
  };
  request.include = [&files](const GitlabInclude& include) { return files.read(include); };
  request.exists = [&files](const std::vector<std::string>& globs) -> Result<bool> {
    return files.exists(globs);
  };
  return request;
}

std::string seconds(Millis time) { return std::to_string(time.count() / 1000) + "s"; }

std::string words(const std::vector<std::string>& list) { return "[" + join(list, ", ") + "]"; }

std::string numbers(const std::vector<int>& list) {
  std::vector<std::string> texts;
  for (const int number : list) texts.push_back(std::to_string(number));
  return words(texts);
}

const char* keep(ArtifactsWhen when) {
  return when == ArtifactsWhen::kAlways      ? " always"
         : when == ArtifactsWhen::kOnFailure ? " on-failure"
                                             : "";
}

void image(std::ostream& out, const ImageSpec& spec) {
  static const char* const kPull[] = {"", " pull=always", " pull=never", " pull=try-always"};
  out << spec.name.source() << kPull[static_cast<int>(spec.pull)];
  if (!spec.user.empty()) out << " user=" << spec.user;
  if (!spec.platform.empty()) out << " platform=" << spec.platform;
  if (spec.entrypoint) out << " entrypoint=" << words(*spec.entrypoint);
}

void policy(std::ostream& out, const JobPlan& job) {
  if (job.run == RunPolicy::kAlways) out << "    always\n";
  if (job.run == RunPolicy::kOnFailure) out << "    on failure\n";
  if (job.manual)
    out << "    manual" << (job.confirmation.empty() ? "" : " \"" + job.confirmation + "\"")
        << "\n";
  if (job.start_in) out << "    start in " << seconds(*job.start_in) << "\n";
  if (job.allow_failure.any) out << "    may fail\n";
  if (!job.allow_failure.exit_codes.empty())
    out << "    may fail with " << numbers(job.allow_failure.exit_codes) << "\n";
  if (job.interruptible) out << "    interruptible\n";
  if (job.retry.max > 0)
    out << "    retry " << job.retry.max << " " << words(job.retry.when) << " "
        << numbers(job.retry.exit_codes) << "\n";
  if (job.timeout != Millis(std::chrono::hours(1)))
    out << "    timeout " << seconds(job.timeout) << "\n";
  if (!job.lock.empty()) out << "    lock " << job.lock << "\n";
  if (!job.labels.empty()) out << "    labels " << words(job.labels) << "\n";
  if (!job.refused.empty()) out << "    refused: " << job.refused << "\n";
}

void needs(std::ostream& out, const Plan& plan, const JobPlan& job) {
  std::vector<std::string> named;
  std::vector<std::string> staged;
  for (const Need& need : job.needs)
    (need.kind == NeedKind::kNamed ? named : staged)
        .push_back(plan.jobs[need.job].instance + (need.artifacts ? "" : " (no artifacts)") +
                   (need.optional ? " (optional)" : ""));
  if (!named.empty()) out << "    needs " << words(named) << "\n";
  if (!staged.empty()) out << "    after " << words(staged) << "\n";
  if (!job.parent_needs.empty()) out << "    of the parent " << words(job.parent_needs) << "\n";
}

void beside(std::ostream& out, const JobPlan& job) {
  for (const ServicePlan& service : job.services) {
    out << "    service " << service.name << " " << words(service.aliases) << ": ";
    image(out, service.image);
    if (service.command) out << " command=" << words(*service.command);
    if (service.entrypoint) out << " service-entrypoint=" << words(*service.entrypoint);
    for (const EnvEntry& entry : service.env)
      out << " " << entry.name << "=" << entry.value.source();
    out << "\n";
  }
  static const char* const kPolicies[] = {" pull", " push", ""};
  for (const CachePlan& cache : job.caches) {
    out << "    cache " << cache.key.source() << " " << words(cache.paths)
        << kPolicies[static_cast<int>(cache.policy)] << keep(cache.when);
    if (!cache.key_files.empty()) out << " files=" << words(cache.key_files);
    for (const Template& fallback : cache.fallback) out << " or " << fallback.source();
    out << (cache.untracked ? " untracked" : "") << (cache.unprotect ? " unprotect" : "") << "\n";
  }
  const ArtifactsPlan& artifacts = job.artifacts;
  if (!artifacts.empty()) {
    out << "    artifacts " << words(artifacts.paths) << keep(artifacts.when);
    if (!artifacts.exclude.empty()) out << " without " << words(artifacts.exclude);
    if (artifacts.untracked) out << " untracked";
    if (artifacts.expire) out << " expire " << seconds(*artifacts.expire);
    if (!artifacts.name.empty()) out << " name " << artifacts.name;
    if (!artifacts.expose_as.empty()) out << " exposed as " << artifacts.expose_as;
    out << "\n";
    for (const auto& [kind, paths] : artifacts.reports)
      out << "    report " << kind << " " << words(paths) << "\n";
  }
  for (const SecretUse& secret : job.secrets)
    out << "    secret " << secret.name << (secret.file ? " file" : "") << "\n";
}

void outcome(std::ostream& out, const JobPlan& job) {
  static const char* const kActions[] = {"", " prepare", " stop", " verify", " access"};
  const EnvironmentPlan& environment = job.environment;
  if (!environment.empty()) {
    out << "    environment " << environment.name << kActions[static_cast<int>(environment.action)];
    if (!environment.url.empty()) out << " at " << environment.url.source();
    if (!environment.on_stop.empty()) out << " stopped by " << environment.on_stop;
    if (environment.stop_after) out << " after " << seconds(*environment.stop_after);
    if (!environment.tier.empty()) out << " tier " << environment.tier;
    out << "\n";
  }
  if (!job.coverage.empty()) out << "    coverage " << job.coverage << "\n";
  if (!job.release.is_null()) out << "    release " << job.release.to_json().dump() << "\n";
  if (!job.trigger) return;
  static const char* const kStrategies[] = {"", " depend", " mirror"};
  for (const TriggerFile& file : job.trigger->files)
    out << "    child " << file.path << (file.written_by.empty() ? "" : " of " + file.written_by)
        << "\n";
  out << "    child runs" << kStrategies[static_cast<int>(job.trigger->strategy)]
      << (job.trigger->forward_yaml ? "" : " without its variables")
      << (job.trigger->forward_pipeline ? " with the run's" : "");
  if (!job.trigger->inputs.is_null()) out << " inputs " << job.trigger->inputs.to_json().dump();
  out << "\n";
}

void environment(std::ostream& out, const JobPlan& settled) {
  for (const VariablePlan& variable : settled.variables) {
    const bool predefined = variable.level == VariableLevel::kPredefined &&
                            !variable.name.starts_with("CI_ENVIRONMENT_");
    if (!predefined) out << "    " << variable.name << "=" << variable.value << "\n";
  }
}

std::string describe_plan(const Plan& plan) {
  std::ostringstream out;
  out << plan.name << (plan.triggered ? "" : " (not triggered)")
      << (plan.stop_on_failure ? " (a failure stops all)" : "") << "\n";
  for (const JobPlan& written : plan.jobs) {
    const JobPlan job = settle_variables(plan, written, {});
    out << "  " << plan.stages[job.stage] << ": " << job.instance << "\n";
    if (!job.image.is_host()) {
      out << "    image ";
      image(out, job.image);
      out << "\n";
    }
    policy(out, job);
    needs(out, plan, job);
    environment(out, job);
    beside(out, job);
    outcome(out, job);
    for (const StepPlan& step : job.steps) {
      std::string source = step.script.source;
      for (std::size_t at = source.find('\n'); at + 1 < source.size();
           at = source.find('\n', at + 1))
        source.replace(at, 1, "\n      ");
      out << "    " << step.id << ":\n      " << source;
    }
  }
  return out.str();
}

class GitlabCorpus : public ::testing::TestWithParam<std::string> {};

TEST_P(GitlabCorpus, ComesToWhatIsExpected) {
  const Files files(kFolder / (GetParam() + ".d"));
  const Compiled compiled = compile_gitlab(request_for(GetParam(), files));
  EXPECT_EQ(compiled.plan.has_value(), !has_errors(compiled.diagnostics));
  std::string text = render(compiled.diagnostics, compiled.sources, Colour::kNo);
  if (compiled.plan) text += describe_plan(*compiled.plan);
  testing::expect_golden("../conformance/gitlab/cases/" + GetParam() + ".expect", text);
}

std::string test_name(const ::testing::TestParamInfo<std::string>& instance) {
  std::string name = instance.param;
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
}
INSTANTIATE_TEST_SUITE_P(Files, GitlabCorpus, ::testing::ValuesIn(case_names()), test_name);

}  // namespace
}  // namespace slipway::pipeline
