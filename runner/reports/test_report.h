#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace slipway::runner {

struct FailedTest {
  std::string suite;
  std::string name;
  std::string file;
  std::string message;  ///< First line.
};

/// What JUnit files of a job say together.
struct TestTotals {
  static constexpr std::size_t kMostFailures = 100;  ///< Kept by name; the rest is counted.
  std::uint64_t tests = 0;
  std::uint64_t failed = 0;  ///< Errors, too.
  std::uint64_t skipped = 0;
  double seconds = 0;
  std::vector<FailedTest> failures;
  std::uint64_t passed() const { return tests - failed - skipped; }
  Json to_json() const;
};

/// Adds a JUnit document (testsuites or testsuite at the top, as every tool writes them). Errors have the place.
Status add_junit(std::string_view document, TestTotals& totals);

/// Lines of a Cobertura or JaCoCo document.
struct LineCoverage {
  std::uint64_t covered = 0;
  std::uint64_t lines = 0;
  std::optional<double> percent() const;
};
/// `line-rate` alone counts when there are no totals (old tools): as that many of 10,000 lines.
Status add_cobertura(std::string_view document, LineCoverage& coverage);
Status add_jacoco(std::string_view document, LineCoverage& coverage);

}  // namespace slipway::runner
