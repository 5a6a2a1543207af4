// Evaluation of --format templates, and tables.
#include "runner/cli/template.h"

#include <algorithm>

#include "base/text.h"
#include "runner/cli/template_node.h"

namespace slipway::runner {
namespace {

using Node = FormatTemplate::Node;

constexpr std::size_t kMaxOutput = std::size_t{1} << 20;

tl::unexpected<Error> unknown_field(const Json& item, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& member : item.members()) names.push_back(member.first);
  const auto near = did_you_mean(name, names);
  const std::string hint = near            ? "; did you mean ." + *near + "?"
                           : names.empty() ? ""
                                           : "; there are: " + join(names, ", ");
  return fail(ErrorCode::kInvalid, "evaluate template: no field ." + name + hint);
}

/// An unknown field of the item itself is a slip and an error; deeper ones are null, because documents leave out what
/// is empty where structures of docker always have a field.
Result<Json> field_of(const Json& item, const std::vector<std::string>& path) {
  const Json* value = &item;
  for (const std::string& name : path) {
    const Json* next = value->find(name);
    if (next == nullptr && value != &item) return Json();
    if (next == nullptr) return unknown_field(item, name);
    value = next;
  }
  return *value;
}

Json below(const Json& item, const std::vector<std::string>& path) {
  const Json* value = &item;
  for (const std::string& name : path) {
    value = value->find(name);
    if (value == nullptr) return {};
  }
  return *value;
}

/// Docker's one method: `.Label "key"`, where labels are a map or listed as "a=1,b=2".
Result<Json> label_of(const Json& item, const std::string& key) {
  const Json* labels = item.find("Labels");
  if (labels == nullptr) return unknown_field(item, "Label");
  if (const Json* found = labels->find(key)) return *found;
  const std::string text(labels->string_or(""));
  bool ours = false;
  std::string value;
  for (const std::string_view part : split(text, ',')) {
    // A comma may be part of a value; a new label has an equals sign.
    const bool begins = part.find('=') != std::string_view::npos;
    if (ours && begins) break;
    if (ours) value += "," + std::string(part);
    if (!ours && begins && part.substr(0, part.find('=')) == key) {
      ours = true;
      value = std::string(part.substr(part.find('=') + 1));
    }
  }
  return Json(std::move(value));
}

class Renderer {
 public:
  explicit Renderer(const Json& item) { variables_.emplace_back("", item); }

  Result<std::string> run(const std::vector<Node>& nodes) {
    const Json item = variables_.front().second;
    SLIP_TRY(list(nodes, item));
    return std::move(out_);
  }

 private:
  Result<Json> evaluate(const TemplateOperand& operand, const Json& dot) {
    using Kind = TemplateOperand::Kind;
    if (operand.kind == Kind::kField && operand.arguments.empty())
      return field_of(dot, operand.path);
    if (operand.kind == Kind::kLiteral) return operand.literal;
    if (operand.kind == Kind::kVariable) return below(*SLIP_TRY(find(operand.name)), operand.path);
    std::vector<Json> arguments;
    for (const TemplateOperand& argument : operand.arguments)
      arguments.push_back(SLIP_TRY(evaluate(argument, dot)));
    if (operand.kind == Kind::kField) return method(operand, arguments, dot);
    return below(SLIP_TRY(call_template_function(operand.name, arguments)), operand.path);
  }

  static Result<Json> method(const TemplateOperand& operand, const std::vector<Json>& arguments,
                             const Json& dot) {
    if (operand.path.back() == "Label" && arguments.size() == 1) {
      const std::vector<std::string> path(operand.path.begin(), operand.path.end() - 1);
      return label_of(SLIP_TRY(field_of(dot, path)), template_text(arguments.front()));
    }
    return fail(ErrorCode::kInvalid, "evaluate template: ." + operand.path.back() +
                                         " is no method; the only one is .Label \"KEY\"");
  }

  Result<Json*> find(const std::string& name) {
    for (auto one = variables_.rbegin(); one != variables_.rend(); ++one)
      if (one->first == name) return &one->second;
    return fail(ErrorCode::kInvalid, "evaluate template: no variable $" + name);
  }

  Status assign(const Node& node, std::size_t index, Json value) {
    const std::string& name = node.variables[index];
    if (node.variable == Node::Variable::kNew)
      variables_.emplace_back(name, std::move(value));
    else
      *SLIP_TRY(find(name)) = std::move(value);
    return {};
  }

  Status list(const std::vector<Node>& nodes, const Json& dot) {
    const std::size_t known = variables_.size();
    for (const Node& node : nodes) SLIP_TRY(render(node, dot));
    variables_.resize(known);
    return {};
  }

  Status element(const Node& node, const Json& key, const Json& value) {
    const std::size_t known = variables_.size();
    if (node.variables.size() == 2) SLIP_TRY(assign(node, 0, key));
    if (!node.variables.empty()) SLIP_TRY(assign(node, node.variables.size() - 1, value));
    SLIP_TRY(list(node.body, value));
    variables_.resize(known);
    return {};
  }

  Status range(const Node& node, const Json& value, const Json& dot) {
    if (!template_truth(value)) return list(node.otherwise, dot);
    std::int64_t number = 0;
    for (const Json& one : value.items()) SLIP_TRY(element(node, Json(number++), one));
    auto members = value.members();
    std::sort(members.begin(), members.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });  // As Go does it.
    for (const auto& [key, one] : members) SLIP_TRY(element(node, Json(key), one));
    return {};
  }

  Status render(const Node& node, const Json& dot) {
    if (out_.size() > kMaxOutput)
      return fail(ErrorCode::kInvalid, "evaluate template: more than 1 MiB of output");
    if (node.kind == Node::Kind::kText) {
      out_ += node.text;
      return {};
    }
    const Json value = SLIP_TRY(evaluate(node.operand, dot));
    if (node.kind == Node::Kind::kRange) return range(node, value, dot);
    const std::size_t known = variables_.size();
    if (!node.variables.empty()) SLIP_TRY(assign(node, 0, value));
    if (node.kind == Node::Kind::kOutput) {
      if (node.variables.empty()) out_ += template_text(value);
      return {};
    }
    const bool truth = template_truth(value);
    const Json& inner = truth && node.kind == Node::Kind::kWith ? value : dot;
    SLIP_TRY(list(truth ? node.body : node.otherwise, inner));
    variables_.resize(known);
    return {};
  }

  std::vector<std::pair<std::string, Json>> variables_;  ///< Inner ones last; "" is `$`.
  std::string out_;
};

std::string unescape(std::string_view format) {
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    const bool escape = format[i] == '\\' && i + 1 < format.size() &&
                        (format[i + 1] == 't' || format[i + 1] == 'n');
    out += !escape ? format[i] : format[++i] == 't' ? '\t' : '\n';
  }
  return out;
}

}  // namespace

FormatTemplate::FormatTemplate() = default;
FormatTemplate::FormatTemplate(FormatTemplate&&) noexcept = default;
FormatTemplate& FormatTemplate::operator=(FormatTemplate&&) noexcept = default;
FormatTemplate::~FormatTemplate() = default;

Result<FormatTemplate> FormatTemplate::parse(std::string_view text) {
  FormatTemplate result;
  result.root_ = std::make_unique<Node>(SLIP_TRY(parse_template(text)));
  return result;
}

Result<std::string> FormatTemplate::render(const Json& item) const {
  return Renderer(item).run(root_->body);
}

std::string align_columns(const std::vector<std::string>& rows) {
  std::vector<std::size_t> widths;
  for (const std::string& row : rows) {
    const auto cells = split(row, '\t');
    widths.resize(std::max(widths.size(), cells.size()));
    for (std::size_t i = 0; i < cells.size(); ++i)
      widths[i] = std::max(widths[i], display_width(cells[i]));
  }
  std::string out;
  for (const std::string& row : rows) {
    const auto cells = split(row, '\t');
    for (std::size_t i = 0; i < cells.size(); ++i) {
      out += cells[i];
      if (i + 1 < cells.size()) out += std::string(widths[i] + 3 - display_width(cells[i]), ' ');
    }
    out += '\n';
  }
  return out;
}

Result<std::string> format_items(std::string_view format, const Json& headings,
                                 const std::vector<Json>& items) {
  const bool table = format.starts_with("table ") || format == "table";
  std::string text =
      format == "json"
          ? "{{json .}}"
          : unescape(table ? format.substr(std::min<std::size_t>(6, format.size())) : format);
  const FormatTemplate parsed = SLIP_TRY(FormatTemplate::parse(text));
  std::vector<std::string> rows;
  if (table) rows.push_back(SLIP_TRY(parsed.render(headings)));
  for (const Json& item : items) rows.push_back(SLIP_TRY(parsed.render(item)));
  if (table) return align_columns(rows);
  std::string out;
  for (const std::string& row : rows) out += row + "\n";
  return out;
}

}  // namespace slipway::runner
