// The language's tables as JSON Schema, for editors. Each map of the language is one definition.
#include <cstdlib>
#include <map>

#include "base/json.h"
#include "pipeline/check/language.h"
#include "pipeline/schema.h"

namespace slipway::pipeline {

namespace {

// "a job" -> "job", "a pull-request trigger" -> "pull-request-trigger".
std::string slug(std::string_view name) {
  for (const std::string_view article : {"a ", "an ", "the "})
    if (name.starts_with(article)) name.remove_prefix(article.size());
  std::string text(name);
  for (char& c : text)
    if (c == ' ') c = '-';
  return text;
}

class SchemaWriter {
 public:
  std::string write() {
    visit(language::kPipeline, Reached::kDirectly);
    Json schema;
    schema.set("$schema", "https://json-schema.org/draft/2020-12/schema");
    schema.set("title", "Slipway pipeline");
    schema.set("description", "The native pipeline file of Slipway (.slipway.yml).");
    schema.set("$ref", reference(language::kPipeline));
    Json definitions;
    for (const MapRule* rule : order_) {
      // Two tables of one name would silently become one definition.
      if (definitions.find(slug(rule->name)) != nullptr) std::abort();
      definitions.set(slug(rule->name), definition(*rule));
    }
    schema.set("$defs", std::move(definitions));
    return schema.pretty();
  }

 private:
  // A map below a key may be split over templates, which merge deeply; one in a list may not, as
  // lists replace.
  enum class Reached { kDirectly, kInList };

  void visit(const MapRule& rule, Reached reached) {
    const auto [found, fresh] = reached_.emplace(&rule, reached);
    const bool weaker = reached == Reached::kDirectly && found->second == Reached::kInList;
    if (!fresh && !weaker) return;
    found->second = reached;
    if (fresh) order_.push_back(&rule);
    for (const KeyRule& key : rule.keys) visit(key.shapes, reached);
    visit(rule.rest, reached);
  }

  void visit(OneOf shapes, Reached reached) {
    for (const Shape& shape : shapes) {
      if (shape.map != nullptr) visit(*shape.map, reached);
      visit(shape.items, Reached::kInList);
    }
  }

  static std::string reference(const MapRule& rule) { return "#/$defs/" + slug(rule.name); }

  Json definition(const MapRule& rule) const {
    Json json;
    json.set("type", "object");
    Json properties = Json::object();
    Json required = Json::array();
    for (const KeyRule& key : rule.keys) {
      Json property = one_of(key.shapes);
      property.set("description", key.text);
      properties.set(std::string(key.key), std::move(property));
      if (key.required == Required::kYes) required.push(key.key);
    }
    json.set("properties", std::move(properties));
    Json free;
    free.set("^x-", true);
    json.set("patternProperties", std::move(free));
    json.set("additionalProperties", rule.rest.empty() ? Json(false) : one_of(rule.rest));
    const bool whole = reached_.at(&rule) == Reached::kInList;
    if (whole && !required.items().empty()) json.set("required", std::move(required));
    return json;
  }

  static Json one_of(OneOf shapes) {
    if (shapes.size() == 1) return one(shapes.front());
    Json alternatives = Json::array();
    for (const Shape& shape : shapes) alternatives.push(one(shape));
    Json json;
    json.set("anyOf", std::move(alternatives));
    return json;
  }

  static Json one(const Shape& shape) {
    Json json = Json::object();
    switch (shape.kind) {
      case Shape::Kind::kScalar:
        return scalar_schema(*shape.scalar);
      case Shape::Kind::kList:
        json.set("type", "array");
        json.set("items", one_of(shape.items));
        break;
      case Shape::Kind::kMap:
        json.set("$ref", reference(*shape.map));
        break;
      case Shape::Kind::kNothing:
        json.set("type", "null");
        break;
      case Shape::Kind::kAny:
        break;
    }
    return json;
  }

  static Json scalar_schema(const ScalarRule& rule) {
    if (rule.words.empty()) return parse_json(rule.schema).value_or(Json::object());
    Json words = Json::array();
    for (const std::string_view word : rule.words) words.push(word);
    Json json;
    json.set("enum", std::move(words));
    return json;
  }

  std::map<const MapRule*, Reached> reached_;
  std::vector<const MapRule*> order_;
};

}  // namespace

std::string json_schema() { return SchemaWriter().write(); }

}  // namespace slipway::pipeline
