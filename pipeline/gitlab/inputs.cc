// Inputs of included files: their declarations, their checks, and where they are put in.
#include "pipeline/gitlab/inputs.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "pipeline/check/check_shape.h"
#include "pipeline/expand/functions.h"
#include "pipeline/gitlab/condition.h"
#include "pipeline/model/read.h"

namespace slipway::pipeline::gitlab {
namespace {

using yaml::Entry;
using yaml::Node;

// As GitLab: a chain of more functions than this is refused.
constexpr std::size_t kMaxFunctions = 3;
constexpr std::string_view kOpen = "$[[";
constexpr std::string_view kClose = "]]";

struct TypeRow {
  std::string_view name;
  bool (*accepts)(const Node& node);
};
bool is_text(const Node& node) {
  return node.is_scalar() && !yaml::as_bool(node) && !yaml::as_number(node);
}
bool is_number(const Node& node) { return yaml::as_number(node).has_value(); }
bool is_flag(const Node& node) { return yaml::as_bool(node).has_value(); }
bool is_array(const Node& node) { return node.is_list(); }
constexpr std::array<TypeRow, 4> kTypes{
    {{"string", is_text}, {"number", is_number}, {"boolean", is_flag}, {"array", is_array}}};

const TypeRow* type_of(const Node* declared) {
  const std::string name = declared == nullptr ? "string" : read_string(declared);
  for (const TypeRow& row : kTypes)
    if (row.name == name) return &row;
  return nullptr;
}

bool same_value(const Node& a, const Node& b) {
  return a.is_scalar() && b.is_scalar() && a.text == b.text;
}

class Resolver {
 public:
  Resolver(const Node* given, Span where, std::vector<Diagnostic>& out)
      : given_(given), where_(where), out_(out) {}

  Inputs run(const Node& declared) {
    for (const Entry& entry : declared.entries) one(entry);
    if (given_ != nullptr && given_->is_map()) refuse_unknown(declared);
    return std::move(inputs_);
  }

 private:
  void refuse_unknown(const Node& declared) {
    std::vector<std::string> names;
    for (const Entry& entry : declared.entries) names.push_back(entry.key);
    for (const Entry& entry : given_->entries) {
      if (declared.find(entry.key) != nullptr) continue;
      std::string help = suggestion(entry.key, names, out_);
      if (help.empty())
        help = names.empty() ? "the file declares none" : "inputs: " + printable(join(names, ", "));
      report(out_, entry.key_span, "unknown input " + quoted(entry.key), std::move(help));
    }
  }

  void one(const Entry& entry) {
    static const std::vector<std::string> known{"default", "description", "options", "regex",
                                                "type"};
    for (const Entry& key : entry.value.entries) {
      if (std::find(known.begin(), known.end(), key.key) != known.end()) continue;
      std::string help = key.key == "rules" ? "write default: and options: instead"
                                            : suggestion(key.key, known, out_);
      report(out_, key.key_span, "unknown key " + quoted(key.key) + " of an input",
             std::move(help));
    }
    const Node* type_node = entry.value.get("type");
    const TypeRow* type = type_of(type_node);
    if (type == nullptr)
      return report(out_, type_node->span, "unknown type " + quoted(read_string(type_node)),
                    "string, number, boolean or array");
    const Entry* given = given_ == nullptr ? nullptr : given_->find(entry.key);
    const Entry* fallback = entry.value.find("default");
    if (given == nullptr && fallback == nullptr)
      return report(out_, where_, "input " + quoted(entry.key) + " is missing",
                    "give it in inputs:", {DiagnosticNote{entry.key_span, "it is declared here"}});
    Node value = given != nullptr ? given->value : fallback->value;
    if (value.is_null()) {
      value.kind = yaml::Kind::kScalar;
      value.style = yaml::Style::kQuoted;
    }
    if (!accepts(entry, *type, value)) return;
    inputs_.emplace(entry.key, std::move(value));
  }

  bool accepts(const Entry& entry, const TypeRow& type, const Node& value) {
    const auto refuse = [&](std::string message, std::string help = "") {
      report(out_, value.span, "input " + quoted(entry.key) + " " + std::move(message),
             std::move(help));
      return false;
    };
    const bool from_command_line = !value.span.valid() && type.name == "string";
    if (!from_command_line && !type.accepts(value))
      return refuse("is to be a " + std::string(type.name) + ", found " +
                    std::string(yaml::describe(value)));
    if (const Node* options = entry.value.get("options"); options != nullptr) {
      const bool listed =
          std::any_of(options->items.begin(), options->items.end(),
                      [&](const Node& option) { return same_value(option, value); });
      if (!listed)
        return refuse("is " + quoted(value.text) + ", which is none of its options",
                      printable(join(read_strings(options), ", ")));
    }
    const Node* regex = entry.value.get("regex");
    if (regex == nullptr || !value.is_scalar()) return true;
    const std::string pattern = regex_of_literal(regex->text).value_or(regex->text);
    const Result<bool> matched = regex_search(value.text, pattern);
    if (!matched) {
      report(out_, regex->span, printable(matched.error().text()));
      return false;
    }
    return *matched || refuse("is " + quoted(value.text) + ", which does not match its regex",
                              printable(regex->text));
  }

  const Node* given_;
  Span where_;
  std::vector<Diagnostic>& out_;
  Inputs inputs_;
};

class Interpolator {
 public:
  Interpolator(const Inputs& inputs, const VariableLookup& lookup, std::vector<Diagnostic>& out)
      : inputs_(inputs), lookup_(lookup), out_(out) {}

  void visit(Node& node) {
    if (node.is_scalar()) return scalar(node);
    for (Node& item : node.items) visit(item);
    for (Entry& entry : node.entries) {
      if (entry.key.find(kOpen) != std::string::npos) key(entry);
      visit(entry.value);
    }
  }

 private:
  void key(Entry& entry) {
    Node text;
    text.kind = yaml::Kind::kScalar;
    text.text = entry.key;
    text.span = entry.key_span;
    scalar(text);
    entry.key = text.text;
  }

  void scalar(Node& node) {
    if (node.text.find(kOpen) == std::string::npos) return;
    const std::string_view text = node.text;
    const std::size_t first_end = text.find(kClose);
    if (text.starts_with(kOpen) && first_end == text.size() - kClose.size()) {
      if (std::optional<Node> value = part(text.substr(3, first_end - 3), node.span)) {
        const Span span = node.span;
        const Span content = node.content;
        node = *std::move(value);
        node.span = span;
        node.content = content;
      }
      return;
    }
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t open = std::min(text.find(kOpen, at), text.size());
      out += text.substr(at, open - at);
      const std::size_t close = text.find(kClose, open);
      if (open == text.size() || close == std::string_view::npos) {
        out += text.substr(open);
        break;
      }
      at = close + kClose.size();
      const std::string_view inside = text.substr(open + 3, close - open - 3);
      const std::optional<Node> value = part(inside, node.span);
      if (value && value->is_list())
        report(out_, node.span, "an array input stands inside of a text",
               "give it a value of its own");
      out += value ? value->text : std::string(text.substr(open, at - open));
    }
    node.text = std::move(out);
  }

  std::optional<Node> part(std::string_view inside, Span span) {
    const std::vector<std::string_view> words = split(inside, '|');
    const std::string_view access = trim(words.front());
    if (access.starts_with("matrix.")) return std::nullopt;  // of `needs:parallel`, later
    const auto found =
        access.starts_with("inputs.") ? inputs_.find(access.substr(7)) : inputs_.end();
    if (found == inputs_.end()) {
      std::vector<std::string> names;
      for (const auto& [name, value] : inputs_) names.push_back("inputs." + name);
      std::string help = suggestion(std::string(access), names, out_);
      report(out_, span, "nothing is called " + quoted(access),
             help.empty() ? "declare it in spec:inputs of the file's header" : std::move(help));
      return std::nullopt;
    }
    if (words.size() - 1 > kMaxFunctions)
      report(out_, span, "more than 3 functions on one input", "at most 3");
    Node value = found->second;
    for (std::size_t at = 1; at < words.size() && at <= kMaxFunctions; ++at)
      apply(trim(words[at]), value, span);
    return value;
  }

  void apply(std::string_view function, Node& value, Span span) {
    if (!value.is_scalar())
      return report(out_, span, "functions work on texts only", "remove " + quoted(function));
    value.style = yaml::Style::kQuoted;
    if (function == "expand_vars") {
      value.text = expand_variables(value.text, lookup_, Unset::kKeep);
    } else if (function == "posix_escape") {
      value.text = shell_quote(value.text);
    } else if (function.starts_with("truncate(") && function.ends_with(')')) {
      const auto numbers = split(function.substr(9, function.size() - 10), ',');
      const auto offset = parse_int(trim(numbers.front()));
      const auto length = numbers.size() == 2 ? parse_int(trim(numbers.back())) : std::nullopt;
      if (!offset || !length || *offset < 0 || *length < 0)
        return report(out_, span, "bad arguments of truncate", "truncate(OFFSET,LENGTH)");
      const auto begin = std::min(static_cast<std::size_t>(*offset), value.text.size());
      value.text = value.text.substr(begin, static_cast<std::size_t>(*length));
    } else {
      report(out_, span, "unknown function " + quoted(function),
             "expand_vars, truncate(OFFSET,LENGTH) or posix_escape");
    }
  }

  const Inputs& inputs_;
  const VariableLookup& lookup_;
  std::vector<Diagnostic>& out_;
};

}  // namespace

Inputs resolve_inputs(const Node& header, const Node* given, Span where,
                      std::vector<Diagnostic>& out) {
  static const Node kNothingDeclared{.kind = yaml::Kind::kMap};
  const Node* spec = header.get("spec");
  if (spec != nullptr) {
    for (const Entry& entry : spec->entries) {
      if (entry.key == "inputs" || entry.key == "component") continue;
      report(out, entry.key_span, quoted(entry.key) + " in a header is not supported",
             entry.key == "include" ? "declare the inputs in this header"
                                    : "known: inputs, component");
    }
  }
  for (const Entry& entry : header.entries)
    if (entry.key != "spec")
      report(out, entry.key_span, "unknown key " + quoted(entry.key) + " in the header",
             "the header above --- has spec: only");
  const Node* declared = spec == nullptr ? nullptr : spec->get("inputs");
  return Resolver(given, where, out).run(declared == nullptr ? kNothingDeclared : *declared);
}

void interpolate(Node& root, const Inputs& inputs, const VariableLookup& lookup,
                 std::vector<Diagnostic>& out) {
  Interpolator(inputs, lookup, out).visit(root);
}

}  // namespace slipway::pipeline::gitlab
