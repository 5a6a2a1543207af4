// The walk along the language's tables. What the keys mean is the model's business.
#include "pipeline/check/check_shape.h"

#include "base/text.h"
#include "pipeline/check/language.h"

namespace slipway::pipeline {

std::string suggestion(const std::string& word, const std::vector<std::string>& candidates,
                       const std::vector<Diagnostic>& so_far) {
  constexpr std::size_t kEnough = 200;  // twice of what is shown
  if (so_far.size() > kEnough) return {};
  const auto near = did_you_mean(word, candidates);
  return near ? "did you mean " + quoted(*near) + "?" : std::string();
}

std::string quoted(std::string_view text) { return "\"" + printable(ellipsize(text, 60)) + "\""; }

namespace {

using yaml::Node;

std::string expected(OneOf shapes) {
  std::vector<std::string> words;
  for (const Shape& shape : shapes) {
    if (shape.kind == Shape::Kind::kScalar) words.emplace_back(shape.scalar->expects);
    if (shape.kind == Shape::Kind::kList) words.emplace_back("a list");
    if (shape.kind == Shape::Kind::kMap) words.emplace_back("a map");
  }
  if (words.size() < 2) return words.empty() ? "nothing" : words.front();
  const std::string last = std::move(words.back());
  words.pop_back();
  return join(words, ", ") + " or " + last;
}

const Shape* alternative(OneOf shapes, Shape::Kind kind) {
  for (const Shape& shape : shapes)
    if (shape.kind == kind) return &shape;
  return nullptr;
}

class Checker {
 public:
  Checker(Completeness completeness, std::vector<Diagnostic>& out)
      : completeness_(completeness), out_(out) {}

  void map(const Node& node, Span where, const MapRule& rule) {
    for (const yaml::Entry& entry : node.entries) this->entry(entry, rule);
    if (completeness_ == Completeness::kPart) return;
    for (const KeyRule& key : rule.keys)
      if (key.required == Required::kYes && node.find(key.key) == nullptr)
        report(out_, where, quoted(key.key) + " is missing in " + std::string(rule.name),
               std::string(key.text));
  }

  void value(const Node& node, const std::string& called, OneOf shapes) {
    if (alternative(shapes, Shape::Kind::kAny) != nullptr) return;
    switch (node.kind) {
      case yaml::Kind::kNull:
        return nothing(node, called, shapes);
      case yaml::Kind::kScalar:
        return scalar_value(node, called, shapes);
      case yaml::Kind::kList:
        if (const Shape* list = alternative(shapes, Shape::Kind::kList)) {
          for (const Node& item : node.items)
            value(item, called.starts_with("an item") ? called : "an item of " + called,
                  list->items);
          return;
        }
        return mismatch(node, called, shapes);
      case yaml::Kind::kMap:
        if (const Shape* found = alternative(shapes, Shape::Kind::kMap))
          return map(node, node.span, *found->map);
        return mismatch(node, called, shapes);
    }
  }

 private:
  void entry(const yaml::Entry& entry, const MapRule& rule) {
    if (rule.extensions == Extensions::kFree && entry.key.starts_with("x-")) return;
    for (const KeyRule& known : rule.keys)
      if (known.key == entry.key) return child(entry, known.shapes);
    if (rule.rest.empty())
      return report(out_, entry.key_span, "unknown key " + quoted(entry.key),
                    unknown_key_help(entry.key, rule));
    if (rule.rest_key != nullptr) name(entry, *rule.rest_key);
    // A template's map may be partial all the way down.
    const Completeness outer = completeness_;
    if (is_template(entry, rule)) completeness_ = Completeness::kPart;
    child(entry, rule.rest);
    completeness_ = outer;
  }

  static bool is_template(const yaml::Entry& entry, const MapRule& rule) {
    return rule.name == "jobs" && entry.key.starts_with(".");
  }

  void child(const yaml::Entry& entry, OneOf shapes) {
    const Shape* found = entry.value.is_map() ? alternative(shapes, Shape::Kind::kMap) : nullptr;
    // What is missing in a map is said at its key: the map itself has no visible place.
    if (found != nullptr) return map(entry.value, entry.key_span, *found->map);
    value(entry.value, quoted(entry.key), shapes);
  }

  void name(const yaml::Entry& entry, const ScalarRule& rule) {
    Node key;
    key.kind = yaml::Kind::kScalar;
    key.text = entry.key;
    key.style = yaml::Style::kQuoted;
    if (auto problem = rule.accept(key, rule))
      report(out_, entry.key_span, std::move(problem->message), std::move(problem->help));
  }

  void nothing(const Node& node, const std::string& called, OneOf shapes) {
    if (alternative(shapes, Shape::Kind::kNothing) != nullptr) return;
    const Shape* found = alternative(shapes, Shape::Kind::kScalar);
    if (found != nullptr && found->scalar->expects == "a value") return;
    report(out_, node.span, called + " has no value",
           "expected " + expected(shapes) + "; remove the key if it is not needed");
  }

  void scalar_value(const Node& node, const std::string& called, OneOf shapes) {
    std::optional<ScalarProblem> first;
    for (const Shape& shape : shapes) {
      if (shape.kind != Shape::Kind::kScalar) continue;
      auto problem = shape.scalar->accept(node, *shape.scalar);
      if (!problem) return;
      if (!first) first = std::move(problem);
    }
    if (!first) return mismatch(node, called, shapes);
    if (first->message.empty()) return mismatch(node, called, shapes, std::move(first->help));
    report(out_, node.span, std::move(first->message), std::move(first->help));
  }

  void mismatch(const Node& node, const std::string& called, OneOf shapes, std::string help = "") {
    std::string found(yaml::describe(node));
    if (node.is_scalar()) found += " " + quoted(node.text);
    report(out_, node.span, called + " expects " + expected(shapes) + ", found " + found,
           std::move(help));
  }

  Completeness completeness_;
  std::vector<Diagnostic>& out_;
};

}  // namespace

void check_map(const yaml::Node& map, Span where, const MapRule& rule, Completeness completeness,
               std::vector<Diagnostic>& out) {
  Checker(completeness, out).map(map, where, rule);
}

void check_value(const yaml::Node& node, const std::string& called, OneOf shapes,
                 Completeness completeness, std::vector<Diagnostic>& out) {
  Checker(completeness, out).value(node, called, shapes);
}

}  // namespace slipway::pipeline
