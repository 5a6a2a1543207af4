// compile() on arbitrary bytes: whatever the file holds, the answer is a plan or findings with
// places inside the file, and both can be shown. Parts behind a line "%%% NAME" are files to
// include.
#include <cstdlib>
#include <map>

#include "pipeline/compile.h"

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

void check_plan(const Plan& plan) {
  for (const JobPlan& job : plan.jobs) {
    require(!job.instance.empty() && !job.steps.empty());
    for (const Need& need : job.needs) require(need.job < plan.jobs.size());
  }
}

void check_findings(const Compiled& compiled) {
  for (const Diagnostic& finding : compiled.diagnostics) {
    require(!finding.message.empty());
    require(finding.message.find('\n') == std::string::npos);
    require(finding.message.find('\x1b') == std::string::npos);
    require(finding.span.file < static_cast<int>(compiled.sources.size()));
  }
  const std::string shown = render(compiled.diagnostics, compiled.sources, Colour::kNo);
  require(shown.find('\x1b') == std::string::npos);
  to_json(compiled.diagnostics, compiled.sources).dump();
}

}  // namespace
}  // namespace slipway::pipeline

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway;
  using namespace slipway::pipeline;
  const auto files = split_files({reinterpret_cast<const char*>(data), size});
  CompileRequest request;
  request.file = {"fuzz.yml", files.at("")};
  request.event.branch = "main";
  request.include = [&](const std::string& path) -> Result<SourceFile> {
    require(!path.empty() && path.front() != '/');
    require(("/" + path + "/").find("/../") == std::string::npos);
    const auto found = files.find(path);
    if (found == files.end()) return fail(ErrorCode::kNotFound, "no such file");
    return SourceFile{path, found->second};
  };
  const Compiled compiled = compile(request);
  require(compiled.plan.has_value() == !has_errors(compiled.diagnostics));
  check_findings(compiled);
  if (compiled.plan) check_plan(*compiled.plan);
  return 0;
}
