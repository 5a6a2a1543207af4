// What test and coverage reports say, as numbers and names.
#include "runner/reports/test_report.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/text.h"
#include "runner/reports/xml.h"

namespace slipway::runner {
namespace {

constexpr std::size_t kLongestText = 500;
constexpr std::uint64_t kRateLines = 10'000;
constexpr std::uint64_t kMostLines = 1'000'000'000'000;  // no sum of two overflows
constexpr double kMostSeconds = 1e9;

std::string value_of(const XmlHandler::Attributes& attributes, std::string_view name) {
  for (const auto& [key, value] : attributes) {
    if (key == name) return value;
  }
  return "";
}

double number_of(const std::string& text) {
  // "1,234.5" is what some tools write in an English locale.
  std::string plain = text;
  plain.erase(std::remove(plain.begin(), plain.end(), ','), plain.end());
  const double value = std::strtod(plain.c_str(), nullptr);
  return std::isfinite(value) && value > 0 ? value : 0;
}

std::uint64_t count_of(const std::string& text) {
  const auto value = parse_int(text);
  return value && *value > 0 ? std::min(static_cast<std::uint64_t>(*value), kMostLines) : 0;
}

std::string first_line(std::string_view text) {
  const std::string_view trimmed = trim(text);
  return to_valid_utf8(trimmed.substr(0, trimmed.find('\n')).substr(0, kLongestText));
}

class JunitReader final : public XmlHandler {
 public:
  explicit JunitReader(TestTotals& totals) : totals_(totals) {}

  Status begin(std::string_view name, const Attributes& attributes) override {
    if (depth_++ == 0 && name != "testsuites" && name != "testsuite")
      return fail(ErrorCode::kInvalid, "not a JUnit document: <" + printable(name) + ">");
    if (name == "testcase") {
      in_case_ = true;
      outcome_ = Outcome::kPassed;
      current_ = {};
      current_.suite = first_line(value_of(attributes, "classname"));
      current_.name = first_line(value_of(attributes, "name"));
      current_.file = first_line(value_of(attributes, "file"));
      totals_.seconds =
          std::min(totals_.seconds + number_of(value_of(attributes, "time")), kMostSeconds);
    } else if (in_case_ && (name == "failure" || name == "error")) {
      outcome_ = Outcome::kFailed;
      message_ = value_of(attributes, "message");
      in_message_ = message_.empty();  // else its text is a trace
      if (!in_message_ && current_.message.empty()) current_.message = first_line(message_);
    } else if (in_case_ && name == "skipped" && outcome_ == Outcome::kPassed) {
      outcome_ = Outcome::kSkipped;
    }
    return {};
  }
  void text(std::string_view text) override {
    if (in_message_ && message_.size() < kLongestText) message_ += text.substr(0, kLongestText);
  }
  void end(std::string_view name) override {
    --depth_;
    if (in_message_ && (name == "failure" || name == "error")) {
      in_message_ = false;
      if (current_.message.empty()) current_.message = first_line(message_);
    }
    if (name != "testcase") return;
    in_case_ = false;
    ++totals_.tests;
    if (outcome_ == Outcome::kSkipped) ++totals_.skipped;
    if (outcome_ != Outcome::kFailed) return;
    ++totals_.failed;
    if (totals_.failures.size() < TestTotals::kMostFailures)
      totals_.failures.push_back(std::move(current_));
  }

 private:
  enum class Outcome { kPassed, kFailed, kSkipped };
  TestTotals& totals_;
  std::size_t depth_ = 0;
  bool in_case_ = false;
  bool in_message_ = false;
  Outcome outcome_ = Outcome::kPassed;
  FailedTest current_;
  std::string message_;
};

class CoberturaReader final : public XmlHandler {
 public:
  explicit CoberturaReader(LineCoverage& coverage) : coverage_(coverage) {}
  Status begin(std::string_view name, const Attributes& attributes) override {
    if (seen_) return {};
    seen_ = true;
    if (name != "coverage")
      return fail(ErrorCode::kInvalid, "not a Cobertura document: <" + printable(name) + ">");
    std::uint64_t lines = count_of(value_of(attributes, "lines-valid"));
    std::uint64_t covered = count_of(value_of(attributes, "lines-covered"));
    if (lines == 0) {
      lines = kRateLines;
      const double rate = std::min(number_of(value_of(attributes, "line-rate")), 1.0);
      covered = static_cast<std::uint64_t>(rate * static_cast<double>(kRateLines));
    }
    coverage_.lines += lines;
    coverage_.covered += std::min(covered, lines);
    return {};
  }
  void end(std::string_view) override {}
  void text(std::string_view) override {}

 private:
  LineCoverage& coverage_;
  bool seen_ = false;
};

class JacocoReader final : public XmlHandler {
 public:
  explicit JacocoReader(LineCoverage& coverage) : coverage_(coverage) {}
  Status begin(std::string_view name, const Attributes& attributes) override {
    if (depth_++ == 0 && name != "report")
      return fail(ErrorCode::kInvalid, "not a JaCoCo document: <" + printable(name) + ">");
    // Each level repeats the sums of those below: the report's own counters are the totals.
    if (depth_ == 2 && name == "counter" && value_of(attributes, "type") == "LINE") {
      const std::uint64_t covered = count_of(value_of(attributes, "covered"));
      coverage_.covered += covered;
      coverage_.lines += covered + count_of(value_of(attributes, "missed"));
    }
    return {};
  }
  void end(std::string_view) override { --depth_; }
  void text(std::string_view) override {}

 private:
  LineCoverage& coverage_;
  std::size_t depth_ = 0;
};

}  // namespace

Json TestTotals::to_json() const {
  Json list = Json::array();
  for (const FailedTest& test : failures)
    list.push(Json::object({{"suite", test.suite},
                            {"name", test.name},
                            {"file", test.file},
                            {"message", test.message}}));
  return Json::object({{"tests", tests},
                       {"passed", passed()},
                       {"failed", failed},
                       {"skipped", skipped},
                       {"seconds", seconds},
                       {"failures", std::move(list)}});
}

std::optional<double> LineCoverage::percent() const {
  if (lines == 0) return std::nullopt;
  return 100.0 * static_cast<double>(covered) / static_cast<double>(lines);
}

Status add_junit(std::string_view document, TestTotals& totals) {
  TestTotals sum = totals;  // a broken file adds nothing
  JunitReader reader(sum);
  SLIP_TRY(read_xml(document, reader));
  totals = std::move(sum);
  return {};
}

Status add_cobertura(std::string_view document, LineCoverage& coverage) {
  LineCoverage sum = coverage;
  CoberturaReader reader(sum);
  // Every Cobertura file begins with a document type that nobody needs.
  SLIP_TRY(read_xml(document, reader, XmlLimits{.skip_doctype = true}));
  coverage = sum;
  return {};
}

Status add_jacoco(std::string_view document, LineCoverage& coverage) {
  LineCoverage sum = coverage;
  JacocoReader reader(sum);
  SLIP_TRY(read_xml(document, reader, XmlLimits{.skip_doctype = true}));
  coverage = sum;
  return {};
}

}  // namespace slipway::runner
