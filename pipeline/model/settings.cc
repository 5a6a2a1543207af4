// Maps that stay data: the settings of build, artifact and deploy steps, which their executors
// interpret.
#include "pipeline/check/scalars.h"
#include "pipeline/model/read.h"

namespace slipway::pipeline {

namespace {

using yaml::Node;

const Shape* alternative(OneOf shapes, Shape::Kind kind) {
  for (const Shape& shape : shapes)
    if (shape.kind == kind) return &shape;
  return nullptr;
}

// Only these keep their own type; everything else is text, so that `V: 1.10` stays "1.10".
bool keeps_type(const ScalarRule* rule) {
  return rule == &rules::kBool || rule == &rules::kCount || rule == &rules::kPort ||
         rule == &rules::kNumber || rule == &rules::kCpus || rule == &rules::kAny;
}

class Settings {
 public:
  explicit Settings(Reader& reader) : reader_(reader) {}

  Value value(const Node& node, OneOf shapes) {
    if (node.is_map()) return map(node, alternative(shapes, Shape::Kind::kMap));
    const Shape* list = alternative(shapes, Shape::Kind::kList);
    if (node.is_list() || (list != nullptr && node.is_scalar())) return items(node, list);
    if (!node.is_scalar()) return Value("");
    const Shape* scalar = alternative(shapes, Shape::Kind::kScalar);
    if (scalar != nullptr && keeps_type(scalar->scalar)) return yaml::to_value(node);
    return checked_text(node);
  }

 private:
  Value map(const Node& node, const Shape* shape) {
    Value::Map values;
    for (const yaml::Entry& entry : node.entries) {
      if (shape == nullptr || shape->map == nullptr || entry.key.starts_with("x-")) continue;
      OneOf shapes = shape->map->rest;
      for (const KeyRule& key : shape->map->keys)
        if (key.key == entry.key) shapes = key.shapes;
      values.emplace_back(entry.key, value(entry.value, shapes));
    }
    return Value(std::move(values));
  }

  Value items(const Node& node, const Shape* list) {
    Value::List values;
    for (const Node* item : one_or_many(&node))
      values.push_back(value(*item, list == nullptr ? OneOf{} : list->items));
    return Value(std::move(values));
  }

  Value checked_text(const Node& node) {
    reader_.text(&node, ExpressionPlace::kWith);
    return Value(node.text);
  }

  Reader& reader_;
};

}  // namespace

Value read_settings(const Node& node, OneOf shapes, Reader& reader) {
  return Settings(reader).value(node, shapes);
}

}  // namespace slipway::pipeline
