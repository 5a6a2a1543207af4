// compile_gitlab() on arbitrary bytes: whatever the file holds, the answer is a plan or findings with places inside the
// files; a plan can be settled, shown and converted. Parts behind a line "%%% NAME" are files to include.

#include <cstdlib>
#include <map>

#include "pipeline/gitlab.h"

namespace slipway::pipeline {
namespace {

std::map<std::string, std::string> split_files(std::string_view input) {
  constexpr std::string_view kMark = "\n%%% ";
  std::map<std::string, std::string> files;
  std::string name;
  while (true) {
    const std::size_t mark = input.find(kMark);
    files[name] = std::string(input.substr(0, mark));
    if (mark == std::string_view::npos) return files;
    input.remove_prefix(mark + kMark.size());
    const std::size_t end = std::min(input.find('\n'), input.size());
    name = std::string(input.substr(0, end));
    input.remove_prefix(end);
  }
}

void require(bool condition) {
  if (!condition) std::abort();
}

void check_plan(const Compiled& compiled) {
  const Plan& plan = *compiled.plan;
  for (const JobPlan& job : plan.jobs) {
    require(!job.instance.empty() && job.stage < plan.stages.size());
    require(job.trigger.has_value() || !job.steps.empty());
    for (const Need& need : job.needs) {
      require(need.job < plan.jobs.size());
      require(plan.jobs[need.job].stage <= job.stage);
    }
  }
  // Settling every one of 1,000 jobs would be the fuzzer's time, not the code's.
  for (std::size_t at = 0; at < plan.jobs.size() && at < 3; ++at) {
    const JobPlan settled = settle_variables(plan, plan.jobs[at], {});
    require(settled.env.size() == 1);
  }
  if (plan.jobs.size() < 20) require(!convert_gitlab(plan, compiled.sources).empty());
}

void check_findings(const Compiled& compiled) {
  for (const Diagnostic& finding : compiled.diagnostics) {
    require(!finding.message.empty());
    require(finding.span.file < static_cast<int>(compiled.sources.size()));
  }
  require(compiled.diagnostics.size() <= 101);
  (void)render(compiled.diagnostics, compiled.sources, Colour::kNo);
}

}  // namespace
}  // namespace slipway::pipeline

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  using namespace slipway::pipeline;
  const auto files = split_files({reinterpret_cast<const char*>(data), size});
  GitlabRequest request;
  request.file = {".gitlab-ci.yml", files.at(""), {}};
  request.event.name = size % 2 == 0 ? "push" : "pull-request";
  request.event.branch = "main";
  request.event.sha = "0123456789abcdef";
  request.event.changed_known = size % 3 == 0;
  request.event.changed_paths = {"src/a.c", "README.md"};
  request.include = [&](const GitlabInclude& include) -> Result<std::vector<SourceFile>> {
    const auto found = files.find(include.location);
    if (found == files.end()) return fail(ErrorCode::kNotFound, "no such file");
    return std::vector<SourceFile>{{include.location, found->second, {}}};
  };
  request.exists = [](const std::vector<std::string>& globs) -> Result<bool> {
    return globs.size() % 2 == 1;
  };
  const Compiled compiled = compile_gitlab(request);
  require(compiled.plan.has_value() != has_errors(compiled.diagnostics));
  if (compiled.plan) check_plan(compiled);
  check_findings(compiled);
  return 0;
}
