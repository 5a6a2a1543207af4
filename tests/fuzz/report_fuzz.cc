// Test and coverage reports of strangers.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runner/logs/markers.h"
#include "runner/reports/test_report.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  slipway::runner::TestTotals totals;
  if (slipway::runner::add_junit(text, totals) && totals.failed + totals.skipped > totals.tests)
    __builtin_trap();
  slipway::runner::LineCoverage coverage;
  (void)slipway::runner::add_cobertura(text, coverage);
  (void)slipway::runner::add_jacoco(text, coverage);
  if (coverage.covered > coverage.lines) __builtin_trap();
  (void)slipway::runner::parse_marker(text);
  return 0;
}
