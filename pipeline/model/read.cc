// The small readers: texts, flags, durations, images, environments.
#include "pipeline/model/read.h"

#include "base/text.h"
#include "base/units.h"
#include "pipeline/check/check_shape.h"

namespace slipway::pipeline {

using yaml::Node;

namespace {

// Names, locks and labels are short; without a bound an expression could repeat one long input ten
// thousand times.
constexpr std::size_t kMaxFixedText = 4096;
constexpr std::size_t kMaxFixedValue = std::size_t{64} << 10;  // an axis of the matrix
// A file this wrong makes no plan, so nothing needs to be evaluated for it any more.
constexpr std::size_t kEnoughFindings = 200;

}  // namespace

Template Reader::text(const Node* node, ExpressionPlace place) {
  if (node == nullptr || !node->is_scalar()) return {};
  auto parsed = Template::parse(node->text, node->content, place, out_);
  if (!parsed) return {};
  note(*parsed);
  return *std::move(parsed);
}

Script Reader::script(const Node& node) {
  auto parsed = parse_script(node.text, node.content, out_);
  if (!parsed) return {};
  for (const ScriptVariable& variable : parsed->variables) note(variable.expression);
  return *std::move(parsed);
}

void Reader::note(const Expression& expression) {
  static constexpr std::string_view kRoots[] = {"needs", "steps", "matrix", "inputs"};
  for (const std::string_view root : kRoots)
    for (std::string& name : expression.references(root))
      references_.push_back({root, std::move(name), expression.span()});
}

void Reader::note(const Template& text) {
  for (const Template::Part& part : text.parts())
    if (part.expression) note(*part.expression);
}

std::optional<Template> Reader::fixed_template(const Node& node, std::string_view called) {
  auto parsed = Template::parse(node.text, node.content, ExpressionPlace::kName, out_);
  if (!parsed) return std::nullopt;
  static constexpr std::string_view kLate[] = {"env", "steps", "needs", "job", "agent", "secrets"};
  for (const std::string_view root : kLate) {
    if (!parsed->uses_root(root)) continue;
    report(out_, node.span,
           quoted(root) + " is not known yet where " + quoted(called) + " is decided",
           "use matrix, inputs, branch, tag, event or sha");
    return std::nullopt;
  }
  note(*parsed);
  return parsed;
}

std::string Reader::fixed_text(const Node* node, std::string_view called) {
  if (node == nullptr || !node->is_scalar()) return {};
  if (node->text.find("${{") == std::string::npos) return node->text;
  if (out_.size() > kEnoughFindings && has_errors(out_)) return {};
  const auto parsed = fixed_template(*node, called);
  if (!parsed) return {};
  auto value = parsed->evaluate_text(fixed_);
  if (value && value->size() <= kMaxFixedText) return *std::move(value);
  report(out_, node->span,
         value ? quoted(called) + " is longer than 4 KiB"
               : "evaluate " + std::string(called) + ": " + value.error().text());
  return {};
}

std::vector<std::string> Reader::fixed_texts(const Node* node, std::string_view called) {
  std::vector<std::string> texts;
  for (const Node* item : one_or_many(node))
    if (item->is_scalar()) texts.push_back(fixed_text(item, called));
  return texts;
}

Value Reader::fixed_value(const Node& node, std::string_view called) {
  if (!node.is_scalar() || node.text.find("${{") == std::string::npos) return yaml::to_value(node);
  const auto parsed = fixed_template(node, called);
  if (!parsed) return {};
  auto value = parsed->evaluate(fixed_);
  if (value && value->to_text().size() <= kMaxFixedValue) return *std::move(value);
  report(out_, node.span,
         value ? quoted(called) + " is longer than 64 KiB"
               : "evaluate " + std::string(called) + ": " + value.error().text());
  return {};
}

std::optional<Expression> Reader::condition(const Node* node) {
  if (node == nullptr || !node->is_scalar()) return std::nullopt;
  std::string_view text = node->text;
  Span span = node->content;
  const auto drop = [&](std::size_t bytes) {
    for (const char c : text.substr(0, bytes)) {
      if (c != '\n') {
        ++span.column;
        continue;
      }
      ++span.line;
      span.column = node->content.column;
    }
    text.remove_prefix(bytes);
  };
  drop(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  text = trim(text);
  if (text.empty()) {
    report(out_, node->span, "an empty condition", "write an expression, or remove the key");
    return std::nullopt;
  }
  if (text.starts_with("${{") && text.find("}}") == text.size() - 2) {
    text.remove_suffix(2);
    drop(3);
  } else if (text.find("${{") != std::string_view::npos) {
    report(out_, node->span, "${{ }} around a part of a condition",
           "a condition is one expression: write it without ${{ }}");
    return std::nullopt;
  }
  span.end_line = span.line;
  span.end_column = span.column + static_cast<int>(std::min(text.find('\n'), text.size()));
  auto parsed = Expression::parse(text, span, ExpressionPlace::kCondition, out_);
  if (parsed) note(*parsed);
  return parsed;
}

EnvLayer Reader::env(const Node* node) {
  EnvLayer layer;
  if (node == nullptr) return layer;
  for (const yaml::Entry& entry : node->entries) {
    if (entry.key.starts_with("x-")) continue;
    layer.push_back({entry.key, text(&entry.value, ExpressionPlace::kEnvValue), entry.key_span});
  }
  return layer;
}

ImageSpec Reader::image(const Node& node) {
  static constexpr std::pair<std::string_view, PullPolicy> kPull[] = {
      {"missing", PullPolicy::kMissing},
      {"always", PullPolicy::kAlways},
      {"never", PullPolicy::kNever}};
  ImageSpec spec;
  spec.origin = node.span;
  if (node.is_scalar()) {
    spec.name = text(&node, ExpressionPlace::kName);
    return spec;
  }
  if (const Node* name = node.get("name")) spec.name = text(name, ExpressionPlace::kName);
  spec.pull = read_word(node.get("pull"), kPull, PullPolicy::kMissing);
  spec.platform = fixed_text(node.get("platform"), "platform");
  spec.user = fixed_text(node.get("user"), "user");
  if (const Node* entrypoint = node.get("entrypoint")) spec.entrypoint = read_command(*entrypoint);
  return spec;
}

Resources Reader::resources(const Node* node) {
  Resources resources;
  if (node == nullptr) return resources;
  if (const Node* cpus = node->get("cpus"); cpus != nullptr && cpus->is_scalar()) {
    Node plain = *cpus;
    plain.style = yaml::Style::kPlain;
    resources.cpus = yaml::as_number(plain);
  }
  resources.memory = read_size(node->get("memory"));
  resources.disk = read_size(node->get("disk"));
  if (const auto pids = read_int(node->get("pids"))) resources.pids = *pids;
  return resources;
}

bool read_bool(const Node* node, bool fallback) {
  return node == nullptr ? fallback : yaml::as_bool(*node).value_or(fallback);
}

std::optional<long long> read_int(const Node* node) {
  if (node == nullptr || !node->is_scalar()) return std::nullopt;
  return parse_int(node->text);
}

std::optional<Millis> read_duration(const Node* node) {
  if (node == nullptr || !node->is_scalar()) return std::nullopt;
  auto duration = parse_duration(node->text);
  if (!duration || duration->count() <= 0) return std::nullopt;
  return *duration;
}

std::optional<ByteCount> read_size(const Node* node) {
  if (node == nullptr || !node->is_scalar()) return std::nullopt;
  auto size = parse_size(node->text);
  if (!size) return std::nullopt;
  return *size;
}

std::string read_string(const Node* node) {
  return node != nullptr && node->is_scalar() ? node->text : std::string();
}

std::vector<const Node*> one_or_many(const Node* node) {
  std::vector<const Node*> nodes;
  if (node == nullptr) return nodes;
  if (!node->is_list()) return {node};
  for (const Node& item : node->items) nodes.push_back(&item);
  return nodes;
}

std::vector<std::string> read_strings(const Node* node) {
  std::vector<std::string> texts;
  for (const Node* item : one_or_many(node))
    if (item->is_scalar()) texts.push_back(item->text);
  return texts;
}

std::vector<int> read_exit_codes(const Node* node) {
  std::vector<int> codes;
  for (const Node* item : one_or_many(node))
    if (const auto code = read_int(item); code && *code >= 0 && *code <= 255)
      codes.push_back(static_cast<int>(*code));
  return codes;
}

std::vector<std::string> read_command(const Node& node) {
  if (node.is_list()) return read_strings(&node);
  std::vector<std::string> words;
  std::string word;
  bool inside = false;
  char quote = 0;
  const std::string& text = node.text;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (quote == 0 && (c == ' ' || c == '\t' || c == '\n')) {
      if (inside) words.push_back(std::exchange(word, {}));
      inside = false;
      continue;
    }
    inside = true;
    if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == quote && quote != 0) {
      quote = 0;
    } else if (c == '\\' && quote != '\'' && at + 1 < text.size()) {
      word += text[++at];
    } else {
      word += c;
    }
  }
  if (inside) words.push_back(std::move(word));
  return words;
}

}  // namespace slipway::pipeline
