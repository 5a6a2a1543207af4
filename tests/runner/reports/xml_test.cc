// XML of strangers, and what reports make of it.
#include "runner/reports/xml.h"

#include <gtest/gtest.h>

#include "runner/reports/test_report.h"

namespace slipway::runner {
namespace {

/// Writes down what it is told.
class Note : public XmlHandler {
 public:
  Status begin(std::string_view name, const Attributes& attributes) override {
    said += "<" + std::string(name);
    for (const auto& [key, value] : attributes) said += " " + key + "=" + value;
    said += ">";
    return {};
  }
  void end(std::string_view name) override { said += "</" + std::string(name) + ">"; }
  void text(std::string_view text) override { said += text; }
  std::string said;
};

std::string read(std::string_view document, const XmlLimits& limits = {}) {
  Note note;
  const Status done = read_xml(document, note, limits);
  return done ? note.said : done.error().text();
}

TEST(Xml, ReadsElementsAttributesTextAndSections) {
  EXPECT_EQ(read("<?xml version='1.0'?>\n<!-- c --><a x='1' y = \"2\"><b/>t<![CDATA[<&>]]></a>\n"),
            "<a x=1 y=2><b></b>t<&></a>");
  EXPECT_EQ(read("\xef\xbb\xbf<a>&lt;&amp;&#65;&#x20AC;</a>"), "<a><&A\xe2\x82\xac</a>");
  EXPECT_EQ(read("<a x='&quot;\n&apos;'/>"), "<a x=\" '></a>");
}

TEST(Xml, RefusesDocumentTypesAndUnknownEntities) {
  EXPECT_EQ(read("<!DOCTYPE a [<!ENTITY x 'y'>]><a/>"), "1:1: document types are not taken");
  EXPECT_EQ(read("<a>&x;</a>"), "1:4: not one of the references that XML itself knows");
  EXPECT_EQ(read("<a>&#0;</a>"), "1:4: not one of the references that XML itself knows");
  EXPECT_EQ(read("<a>&#xD800;</a>"), "1:4: not one of the references that XML itself knows");
  const XmlLimits skip{.skip_doctype = true};
  EXPECT_EQ(read("<!DOCTYPE a SYSTEM 'x.dtd'><a/>", skip), "<a></a>");
  EXPECT_EQ(read("<!DOCTYPE a [<!ENTITY x 'y'>]><a/>", skip), "1:1: document types are not taken");
}

TEST(Xml, NamesThePlaceOfWhatIsWrong) {
  EXPECT_EQ(read("<a>\n <b></a>"), "2:8: </a> closes <b>");
  EXPECT_EQ(read("<a>"), "1:4: <a> is not closed");
  EXPECT_EQ(read("<a/><b/>"), "1:6: a second element at the top");
  EXPECT_EQ(read("<a x='1' x='2'/>"), "1:11: attribute x is there twice");
  EXPECT_EQ(read("<a x=1/>"), "1:6: expected a quoted value");
  EXPECT_EQ(read("<a x='1'y='2'/>"), "1:9: expected white space before an attribute");
  EXPECT_EQ(read("text"), "1:1: text outside of the element");
  EXPECT_EQ(read(""), "1:1: there is no element");
  EXPECT_EQ(read("<a><!-- never"), "1:8: a comment does not end");
}

TEST(Xml, IsBounded) {
  std::string deep;
  for (int i = 0; i < 65; ++i) deep += "<a>";
  EXPECT_EQ(read(deep), "1:195: deeper than 64 elements");
  EXPECT_EQ(read("<a><b/><b/></a>", XmlLimits{.max_elements = 2}), "1:10: more than 2 elements");
  EXPECT_EQ(read("<abc/>", XmlLimits{.max_name = 2}), "1:5: a name is longer than 2 bytes");
  EXPECT_EQ(read("<a/>", XmlLimits{.max_bytes = ByteCount{3}}), "larger than 3 B");
}

constexpr const char* kJunit = R"(<?xml version="1.0"?>
<testsuites>
  <testsuite name="s" tests="4">
    <testcase classname="Parser" name="empty" time="0.5"/>
    <testcase classname="Parser" name="deep" time="1,000.25"><failure message="expected 3
more" type="x">trace</failure></testcase>
    <testcase name="net" file="net.py"><error>no route
line 2</error></testcase>
    <testcase name="later"><skipped/></testcase>
  </testsuite>
</testsuites>)";

TEST(Junit, CountsAndNamesWhatFailed) {
  TestTotals totals;
  ASSERT_TRUE(add_junit(kJunit, totals));
  ASSERT_TRUE(add_junit("<testsuite><testcase name='one'/></testsuite>", totals)) << "they add up";
  EXPECT_EQ(totals.tests, 5U);
  EXPECT_EQ(totals.passed(), 2U);
  EXPECT_EQ(totals.failed, 2U);
  EXPECT_EQ(totals.skipped, 1U);
  EXPECT_DOUBLE_EQ(totals.seconds, 1000.75);
  ASSERT_EQ(totals.failures.size(), 2U);
  EXPECT_EQ(totals.failures[0].suite, "Parser");
  EXPECT_EQ(totals.failures[0].message, "expected 3 more");
  EXPECT_EQ(totals.failures[1].message, "no route");
  EXPECT_EQ(totals.failures[1].file, "net.py");
}

TEST(Junit, ABrokenOrForeignFileAddsNothing) {
  TestTotals totals;
  EXPECT_FALSE(add_junit("<testsuite><testcase name='one'/>", totals));
  EXPECT_EQ(add_junit("<html/>", totals).error().text(), "not a JUnit document: <html>");
  EXPECT_EQ(totals.tests, 0U);
}

TEST(Coverage, IsReadFromTotalsRatesAndCounters) {
  LineCoverage coverage;
  ASSERT_TRUE(
      add_cobertura("<!DOCTYPE coverage SYSTEM 'http://x/y.dtd'><coverage lines-valid='200' "
                    "lines-covered='150' line-rate='0.1'/>",
                    coverage));
  EXPECT_DOUBLE_EQ(*coverage.percent(), 75.0);
  LineCoverage old;
  ASSERT_TRUE(add_cobertura("<coverage line-rate='0.875'/>", old));
  EXPECT_DOUBLE_EQ(*old.percent(), 87.5);
  LineCoverage jacoco;
  ASSERT_TRUE(
      add_jacoco("<report><package><counter type='LINE' missed='9' covered='9'/></package>"
                 "<counter type='LINE' missed='1' covered='3'/></report>",
                 jacoco));
  EXPECT_DOUBLE_EQ(*jacoco.percent(), 75.0);
  EXPECT_FALSE(LineCoverage().percent());
}

}  // namespace
}  // namespace slipway::runner
