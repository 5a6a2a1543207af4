// Order and number of findings.
#include "pipeline/expand/tidy.h"

#include <algorithm>
#include <string>
#include <tuple>

namespace slipway::pipeline {
namespace {

// Nobody reads more at once, and hostile files could make a finding of every byte.
constexpr std::size_t kMaxFindings = 100;

auto order_of(const Diagnostic& finding) {
  return std::tie(finding.span.file, finding.span.line, finding.span.column, finding.severity,
                  finding.message);
}

}  // namespace

void tidy_findings(std::vector<Diagnostic>& findings) {
  std::stable_sort(findings.begin(), findings.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return order_of(a) < order_of(b);
  });
  findings.erase(std::unique(findings.begin(), findings.end(),
                             [](const Diagnostic& a, const Diagnostic& b) {
                               return order_of(a) == order_of(b);
                             }),
                 findings.end());
  if (findings.size() <= kMaxFindings) return;
  const bool errors = has_errors(findings);
  const std::size_t more = findings.size() - kMaxFindings;
  findings.resize(kMaxFindings);
  Diagnostic rest;
  rest.severity = errors ? Severity::kError : Severity::kWarning;
  rest.span.file = findings.back().span.file;
  rest.message = std::to_string(more) + " more findings are not shown";
  findings.push_back(std::move(rest));
}

}  // namespace slipway::pipeline
