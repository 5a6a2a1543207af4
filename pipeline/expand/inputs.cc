// Inputs of included files and of manual runs: types, options, defaults, and their way into a tree.
#include <algorithm>

#include "base/text.h"
#include "pipeline/check/check_shape.h"
#include "pipeline/expand/merge.h"
#include "pipeline/model/read.h"

namespace slipway::pipeline {

namespace {

using yaml::Entry;
using yaml::Node;

std::string type_of(const Node& declaration) {
  const std::string named = read_string(declaration.get("type"));
  if (!named.empty()) return named;
  const Node* fallback = declaration.get("default");
  return fallback == nullptr ? "string" : std::string(yaml::to_value(*fallback).type_name());
}

// Values from a command line are text; what the type wants is made of them.
std::optional<Value> converted(const Value& value, const std::string& type) {
  if (type == value.type_name()) return value;
  if (type == "string" && value.list() == nullptr && value.map() == nullptr)
    return Value(value.to_text());
  const std::string* text = value.string();
  if (text == nullptr) return std::nullopt;
  Node scalar;
  scalar.kind = yaml::Kind::kScalar;
  scalar.text = *text;
  const Value read = yaml::to_value(scalar);
  if (type == read.type_name()) return read;
  if (type != "list") return std::nullopt;
  Value::List list;
  for (const std::string_view part : split(*text, ',')) list.emplace_back(trim(part));
  return Value(std::move(list));
}

class InputResolver {
 public:
  InputResolver(const GivenInputs& given, Span where, std::vector<Diagnostic>& out,
                std::vector<std::string>* missing)
      : given_(given), where_(where), out_(out), missing_(missing) {}

  Value resolve(const Node* declared) {
    Value::Map values;
    std::vector<std::string> names;
    if (declared != nullptr) {
      for (const Entry& entry : declared->entries) {
        if (entry.key.starts_with("x-")) continue;
        names.push_back(entry.key);
        values.emplace_back(entry.key, one(entry));
      }
    }
    for (const auto& [name, input] : given_) {
      if (std::find(names.begin(), names.end(), name) != names.end()) continue;
      std::string help = suggestion(name, names, out_);
      if (help.empty() && names.size() <= 12)
        help = names.empty() ? "none are declared" : "declared: " + printable(join(names, ", "));
      report(out_, place(input), "unknown input " + quoted(name), std::move(help));
    }
    return Value(std::move(values));
  }

 private:
  Span place(const GivenInput& input) const { return input.span.valid() ? input.span : where_; }

  Value one(const Entry& declaration) {
    const std::string type = type_of(declaration.value);
    for (const auto& [name, input] : given_)
      if (name == declaration.key) return checked(declaration, type, input.value, place(input));
    if (const Node* fallback = declaration.value.get("default"))
      return checked(declaration, type, yaml::to_value(*fallback), fallback->span);
    if (missing_ != nullptr) {
      missing_->push_back(declaration.key);
      return {};
    }
    report(out_, where_, "input " + quoted(declaration.key) + " is missing",
           "it has no default; give it a value",
           {DiagnosticNote{declaration.key_span, "declared here"}});
    return {};
  }

  Value checked(const Entry& declaration, const std::string& type, const Value& value, Span span) {
    auto typed = converted(value, type);
    if (!typed) {
      report(out_, span,
             "input " + quoted(declaration.key) + " expects a " + type + ", found " +
                 quoted(value.to_text()),
             "", {DiagnosticNote{declaration.key_span, "declared here"}});
      return {};
    }
    const Node* options = declaration.value.get("options");
    if (options == nullptr || !options->is_list()) return *typed;
    std::vector<std::string> allowed;
    for (const Node& option : options->items) {
      allowed.push_back(yaml::to_value(option).to_text());
      if (allowed.back() == typed->to_text()) return *typed;
    }
    report(out_, span,
           "input " + quoted(declaration.key) + " cannot be " + quoted(typed->to_text()),
           "one of " + printable(join(allowed, ", ")));
    return {};
  }

  const GivenInputs& given_;
  Span where_;
  std::vector<Diagnostic>& out_;
  std::vector<std::string>* missing_;
};

// Texts with a quote doubled and in single quotes are literals of the expression language.
std::string literal(const Value& value) {
  if (value.list() != nullptr) return "fromJSON(" + literal(Value(value.to_text())) + ")";
  if (value.string() == nullptr) return value.is_null() ? "null" : value.to_text();
  std::string text = "'";
  for (const char c : *value.string()) {
    if (c == '\'') text += '\'';
    text += c;
  }
  return text + "'";
}

bool name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

class Substitution {
 public:
  Substitution(const Value& inputs, std::vector<Diagnostic>& out) : inputs_(inputs), out_(out) {}

  /// `script`: whether a scalar here is shell text; `condition`: an expression without `${{ }}`.
  enum class Place { kPlain, kScript, kCondition };

  void walk(Node& node, Place place) {
    if (node.is_scalar()) return scalar(node, place);
    for (Node& item : node.items) walk(item, place);
    for (Entry& entry : node.entries) walk(entry.value, place_of(entry.key, entry.value));
  }

 private:
  static Place place_of(const std::string& key, const Node& value) {
    if (key == "run" || (key == "steps" && value.is_list())) return Place::kScript;
    return key == "if" ? Place::kCondition : Place::kPlain;
  }

  void scalar(Node& node, Place place) {
    if (node.text.find("inputs") == std::string::npos || exhausted(node)) return;
    const bool bare = place == Place::kCondition && node.text.find("${{") == std::string::npos;
    if (bare) {
      node.text = expression(node.text, node);
      made_ += node.text.size();
      return;
    }
    if (place == Place::kPlain && whole_value(node)) return;
    std::string result;
    const std::string whole = std::move(node.text);
    std::string_view rest = whole;
    for (std::size_t open; (open = rest.find("${{")) != std::string_view::npos;) {
      if (made_ + result.size() > kMaxExpandedBytes) break;
      const std::size_t close = rest.find("}}", open);
      if (close == std::string_view::npos) break;
      const std::string_view inside = rest.substr(open + 3, close - open - 3);
      result += rest.substr(0, open);
      const Value* value = place == Place::kPlain ? single_input(inside) : nullptr;
      result += value != nullptr ? value->to_text() : "${{" + expression(inside, node) + "}}";
      rest.remove_prefix(close + 2);
    }
    node.text = result.append(rest);
    made_ += node.text.size();
  }

  // `${{ inputs.x }}` and nothing else: the node takes the value's type.
  bool whole_value(Node& node) {
    const std::string_view text = trim(node.text);
    if (!text.starts_with("${{") || text.find("}}") != text.size() - 2) return false;
    const Value* value = single_input(text.substr(3, text.size() - 5));
    if (value == nullptr) return false;
    become(node, *value);
    made_ += yaml::weight(node);
    return true;
  }

  // One long value named ten thousand times must not fill the memory.
  bool exhausted(const Node& node) {
    if (made_ <= kMaxExpandedBytes) return false;
    if (!std::exchange(said_, true)) report(out_, node.span, "inputs expand to more than 16 MiB");
    return true;
  }

  static void become(Node& node, const Value& value) {
    node.kind = yaml::Kind::kScalar;
    node.style = value.string() != nullptr ? yaml::Style::kQuoted : yaml::Style::kPlain;
    node.text.clear();
    if (value.is_null()) node.kind = yaml::Kind::kNull;
    if (value.list() == nullptr) {
      node.text = value.to_text();
      return;
    }
    node.kind = yaml::Kind::kList;
    for (const Value& item : *value.list()) {
      Node child;
      child.span = node.span;
      child.content = node.content;
      become(child, item);
      node.items.push_back(std::move(child));
    }
  }

  const Value* single_input(std::string_view inside) const {
    inside = trim(inside);
    if (!inside.starts_with("inputs.")) return nullptr;
    inside.remove_prefix(7);
    if (!std::all_of(inside.begin(), inside.end(), name_char)) return nullptr;
    return inputs_.find(inside);
  }

  // Every `inputs.NAME` outside of quotes becomes a literal.
  std::string expression(std::string_view text, const Node& node) {
    static constexpr std::string_view kRoot = "inputs.";
    std::string result;
    char quote = 0;
    for (std::size_t at = 0; at < text.size();) {
      if (made_ + result.size() > kMaxExpandedBytes) break;
      const char c = text[at];
      const bool fresh = at == 0 || (!name_char(text[at - 1]) && text[at - 1] != '.');
      if (quote == 0 && fresh && text.substr(at).starts_with(kRoot)) {
        std::size_t end = at + kRoot.size();
        while (end < text.size() && name_char(text[end])) ++end;
        const std::string_view name = text.substr(at + kRoot.size(), end - at - kRoot.size());
        const Value* value = inputs_.find(name);
        if (value == nullptr)
          report(out_, node.span, "unknown input " + quoted(name),
                 "declare it below inputs: of this file");
        result += value == nullptr ? "null" : literal(*value);
        at = end;
        continue;
      }
      if (quote == 0 && (c == '\'' || c == '"'))
        quote = c;
      else if (c == quote)
        quote = 0;
      result += c;
      ++at;
    }
    return result;
  }

  const Value& inputs_;
  std::vector<Diagnostic>& out_;
  std::size_t made_ = 0;
  bool said_ = false;
};

}  // namespace

Value resolve_inputs(const Node* declared, const GivenInputs& given, Span where,
                     std::vector<Diagnostic>& out, std::vector<std::string>* missing) {
  return InputResolver(given, where, out, missing).resolve(declared);
}

void substitute_inputs(Node& root, const Value& inputs, std::vector<Diagnostic>& out) {
  Substitution substitution(inputs, out);
  for (Entry& entry : root.entries)
    if (entry.key != "inputs") substitution.walk(entry.value, Substitution::Place::kPlain);
}

}  // namespace slipway::pipeline
