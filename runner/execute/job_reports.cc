// Reports of a job: from files in its workspace to numbers.
#include "runner/execute/job_reports.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <functional>

#include "base/files.h"
#include "base/text.h"
#include "runner/execute/artifacts.h"

namespace slipway::runner {
namespace {

constexpr ByteCount kMaxReport = 64_MiB;
constexpr ByteCount kMaxDotenv =
    64_KiB;  // the reader's own limit is 5 KiB, and its word the clearer one
constexpr std::size_t kMaxReports = 10'000;

/// "TOTAL 87.5%" -> 87.5: the first number in it. GitLab: ci/testing/code_coverage.
std::optional<double> first_number(const std::string& text) {
  const std::size_t begin = text.find_first_of("0123456789");
  if (begin == std::string::npos) return std::nullopt;
  std::size_t end = text.find_first_not_of("0123456789", begin);
  if (end != std::string::npos && text[end] == '.')
    end = text.find_first_not_of("0123456789", end + 1);
  const std::string digits = text.substr(begin, end == std::string::npos ? end : end - begin);
  return std::min(std::strtod(digits.c_str(), nullptr), 1e6);
}

Status add_coverage(const std::string& document, LineCoverage& coverage) {
  const Status cobertura = add_cobertura(document, coverage);
  if (cobertura || add_jacoco(document, coverage)) return {};
  return fail(cobertura.error().clone());
}

class ReportFiles {
 public:
  ReportFiles(const RunContext& run, const pipeline::JobPlan& job, int view)
      : run_(run), job_(job), view_(view) {}

  using Take = std::function<Status(const std::string& document)>;
  /// Every file of the kind; what it cannot take is said. How many there were.
  Result<std::size_t> each(const std::string& kind, ByteCount limit, const Take& take) const {
    const auto globs = job_.artifacts.reports.find(kind);
    if (globs == job_.artifacts.reports.end()) return std::size_t{0};
    const std::vector<std::string> files = SLIP_TRY(find_files(view_, globs->second, {}));
    if (files.empty()) run_.notice("reports: no file for " + kind, job_.instance);
    std::size_t taken = 0;
    for (const std::string& path : files) {
      if (taken == kMaxReports) {
        run_.notice("reports: more than 10000 files for " + kind, job_.instance);
        break;
      }
      const Status done = read(path, limit, take);
      if (done) {
        ++taken;
      } else if (kind == "dotenv") {
        return fail(done.error().clone().within("reports: dotenv " + printable(path)));
      } else {
        run_.notice("reports: " + kind + " " + printable(path) + ": " + done.error().text(),
                    job_.instance);
      }
    }
    return taken;
  }

 private:
  Status read(const std::string& path, ByteCount limit, const Take& take) const {
    const Fd file = SLIP_TRY(open_in_root(view_, path, O_RDONLY | O_NONBLOCK));
    return take(SLIP_TRY(read_fd(file.get(), limit, path)));
  }
  const RunContext& run_;
  const pipeline::JobPlan& job_;
  const int view_;
};

}  // namespace

Result<CoverageWatch> CoverageWatch::of(const std::string& pattern) {
  return CoverageWatch(SLIP_TRY_WITHIN("coverage", pipeline::Pattern::compile(pattern)));
}

void CoverageWatch::line(const std::string& text) {
  const std::optional<std::string> match = pattern_.find(terminal_safe(text, KeepColour::kNo));
  if (!match) return;
  if (const std::optional<double> number = first_number(*match)) percent_ = number;
}

Json JobReports::to_json() const {
  if (!tests && !coverage) return Json();
  Json json = Json::object();
  if (tests) json.set("tests", tests->to_json());
  if (coverage) json.set("coverage", *coverage);
  return json;
}

Result<JobReports> read_reports(const RunContext& run, const pipeline::JobPlan& job,
                                const Stack& work) {
  JobReports reports;
  if (job.artifacts.reports.empty() || work.snapshots().empty()) return reports;
  const Fd view = SLIP_TRY(open_workspace(work));
  const ReportFiles files(run, job, view.get());
  TestTotals tests;
  const std::size_t junit =
      SLIP_TRY(files.each("junit", kMaxReport,
                          [&](const std::string& document) { return add_junit(document, tests); }));
  if (junit > 0) reports.tests = std::move(tests);
  LineCoverage coverage;
  for (const char* kind : {"coverage", "cobertura", "jacoco"}) {
    SLIP_TRY(files.each(kind, kMaxReport, [&](const std::string& document) {
      return add_coverage(document, coverage);
    }));
  }
  reports.coverage = coverage.percent();
  const auto take_dotenv = [&](const std::string& text) -> Status {
    for (pipeline::VariablePlan& variable : SLIP_TRY(pipeline::parse_dotenv(text)))
      reports.dotenv.push_back(std::move(variable));
    return {};
  };
  SLIP_TRY(files.each("dotenv", kMaxDotenv, take_dotenv));
  return reports;
}

}  // namespace slipway::runner
