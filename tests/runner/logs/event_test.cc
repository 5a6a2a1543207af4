// Events: numbering, fan-out, and the JSON form against its published schema.
#include "runner/logs/event.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/files.h"
#include "runner/logs/sinks.h"
#include "tests/support/paths.h"

namespace slipway::runner {
namespace {

Json load_schema() {
  const auto text = read_file(testing::source_dir() + "/configs/events.schema.json", 1_MiB);
  EXPECT_TRUE(text);
  auto schema = parse_json(text ? *text : "{}");
  EXPECT_TRUE(schema);
  return schema ? *schema : Json();
}

bool has_type(const Json& value, std::string_view type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_int();
  if (type == "number") return value.is_number();
  return false;
}

/// As much of JSON Schema as configs/events.schema.json uses, but for `pattern` and `description`. Returns complaints.
std::string validate(const Json& value, const Json& schema, const Json& root,
                     const std::string& at) {
  std::string bad;
  if (const Json* reference = schema.find("$ref")) {
    const std::string name(reference->string_or("").substr(std::string_view("#/$defs/").size()));
    return validate(value, root["$defs"][name], root, at);
  }
  if (const Json* type = schema.find("type"); type && !has_type(value, type->string_or(""))) {
    bad += at + " is no " + std::string(type->string_or("")) + "; ";
  }
  if (const Json* constant = schema.find("const"); constant && !(*constant == value))
    bad += at + " differs; ";
  if (const Json* words = schema.find("enum")) {
    const auto& items = words->items();
    if (std::find(items.begin(), items.end(), value) == items.end())
      bad += at + " is an unknown word; ";
  }
  if (const Json* least = schema.find("minimum"); least && value.double_or(0) < least->double_or(0))
    bad += at + " is too small; ";
  if (const Json* most = schema.find("maximum"); most && value.double_or(0) > most->double_or(0))
    bad += at + " is too large; ";
  if (const Json* length = schema.find("minLength");
      length && value.string_or("").size() < static_cast<std::size_t>(length->int_or(0))) {
    bad += at + " is too short; ";
  }
  for (const Json& name : schema["required"].items()) {
    if (value.find(name.string_or("")) == nullptr)
      bad += at + " lacks " + std::string(name.string_or("")) + "; ";
  }
  for (const auto& [name, member] : schema["properties"].members()) {
    if (const Json* found = value.find(name))
      bad += validate(*found, member, root, at + "." + name);
  }
  for (const Json& item : value.items()) {
    if (const Json* items = schema.find("items")) bad += validate(item, *items, root, at + "[]");
  }
  for (const Json& part : schema["allOf"].items()) {
    if (validate(value, part["if"], root, at).empty())
      bad += validate(value, part["then"], root, at);
  }
  return bad;
}

class Recorder : public EventSink {
 public:
  void on_event(const Event& event) override { events.push_back(event); }
  void close() override { ++closed; }
  std::vector<Event> events;
  int closed = 0;
};

Event make(Event::Kind kind) {
  Event event;
  event.kind = kind;
  event.run = "run-1";
  event.job = "test (gcc)";
  event.step = "unit";
  event.name = "unit tests";
  event.stream = "stdout";
  event.line = "a \x1b[31mline\x1b[0m with \"quotes\"";
  event.status = "failed";
  event.exit_code = 2;
  event.seconds = 1.25;
  event.reason = "exit code 2";
  event.seq = 7;
  return event;
}

constexpr std::array<Event::Kind, 9> kAllKinds{
    Event::Kind::kRunStart, Event::Kind::kJobStart, Event::Kind::kStepStart,
    Event::Kind::kLog,      Event::Kind::kStepEnd,  Event::Kind::kJobEnd,
    Event::Kind::kRunEnd,   Event::Kind::kNotice,   Event::Kind::kProgress};

TEST(EventJson, EveryKindMatchesThePublishedSchema) {
  const Json schema = load_schema();
  std::set<std::string> seen;
  for (const Event::Kind kind : kAllKinds) {
    const auto again = parse_json(to_json(make(kind)).dump());
    ASSERT_TRUE(again);
    EXPECT_EQ(validate(*again, schema, schema, "event"), "") << again->dump();
    seen.emplace((*again)["kind"].string_or(""));
  }
  EXPECT_EQ(seen.size(), kAllKinds.size());
  EXPECT_EQ(schema["properties"]["kind"]["enum"].items().size(), kAllKinds.size());
}

TEST(EventJson, SchemaRefusesWhatLacksAField) {
  const Json schema = load_schema();
  Json::Object members;
  const Json whole = to_json(make(Event::Kind::kJobEnd));
  for (const auto& member : whole.members()) {
    if (member.first != "exit_code") members.push_back(member);
  }
  EXPECT_EQ(validate(Json(members), schema, schema, "event"), "event lacks exit_code; ");
}

TEST(EventJson, EveryStatusOfAnEndIsInTheSchema) {
  const Json schema = load_schema();
  for (const char* status : {"succeeded", "failed", "skipped", "cancelled", "timed-out",
                             "out-of-memory", "error", "warning"}) {
    Event event = make(Event::Kind::kJobEnd);
    event.status = status;
    EXPECT_EQ(validate(to_json(event), schema, schema, "event"), "") << status;
  }
}

TEST(EventJson, KeepsTheDetailsOfStartsAndTheTime) {
  Event event = make(Event::Kind::kRunStart);
  event.details = Json::object({{"jobs", Json::array({Json::object({{"name", "a"}})})}});
  event.time = WallTime(std::chrono::milliseconds(1'767'323'045'678));
  const Json json = to_json(event);
  EXPECT_EQ(json["t"].string_or(""), "2026-01-02T03:04:05.678Z");
  EXPECT_EQ(json["details"]["jobs"].items().size(), 1u);
}

TEST(EventStream, NumbersWithoutGapsInTheOrderOfDelivery) {
  EventStream stream(real_clock(), "run-9");
  const auto recorder = std::make_shared<Recorder>();
  stream.add(recorder);
  constexpr int kEach = 500;
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer) {
    writers.emplace_back([&] {
      for (int i = 0; i < kEach; ++i) stream.emit(make(Event::Kind::kLog));
    });
  }
  for (std::thread& writer : writers) writer.join();
  ASSERT_EQ(recorder->events.size(), 4u * kEach);
  for (std::size_t i = 0; i < recorder->events.size(); ++i) {
    EXPECT_EQ(recorder->events[i].seq, i + 1);
    EXPECT_EQ(recorder->events[i].run, "run-9");
  }
}

TEST(EventStream, ClosesEverySinkOnce) {
  const auto one = std::make_shared<Recorder>();
  const auto two = std::make_shared<Recorder>();
  EventStream stream(real_clock(), "run-9");
  stream.add(one);
  stream.add(two);
  stream.close();
  stream.close();
  EXPECT_EQ(one->closed, 1);
  EXPECT_EQ(two->closed, 1);
}

TEST(JsonFileSink, WritesOneValidObjectALine) {
  const auto dir = TempDir::make("/tmp", "events-test-");
  ASSERT_TRUE(dir);
  const std::string path = dir->path() + "/events.jsonl";
  auto sink = make_json_file_sink(path);
  ASSERT_TRUE(sink);
  for (const Event::Kind kind : kAllKinds) (*sink)->on_event(make(kind));
  const auto text = read_file(path, 1_MiB);
  ASSERT_TRUE(text);
  std::size_t lines = 0;
  for (std::size_t at = 0; at < text->size(); ++lines) {
    const std::size_t end = text->find('\n', at);
    ASSERT_NE(end, std::string::npos);
    EXPECT_TRUE(parse_json(std::string_view(*text).substr(at, end - at)));
    at = end + 1;
  }
  EXPECT_EQ(lines, kAllKinds.size());
}

TEST(JsonFileSink, NamesAPathItCannotOpen) {
  const auto sink = make_json_file_sink("/nonexistent/events");
  ASSERT_FALSE(sink);
  EXPECT_EQ(sink.error().text(),
            "write events: open /nonexistent/events: no such file or directory");
}

}  // namespace
}  // namespace slipway::runner
