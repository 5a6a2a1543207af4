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

Result<Json> evaluate(const TemplateOperand& operand, const Json& item) {
  if (operand.kind == TemplateOperand::Kind::kField) return field_of(item, operand.path);
  if (operand.kind == TemplateOperand::Kind::kLiteral) return operand.literal;
  std::vector<Json> arguments;
  for (const TemplateOperand& argument : operand.arguments)
    arguments.push_back(SLIP_TRY(evaluate(argument, item)));
  return call_template_function(operand.function, arguments);
}

Status render_list(const std::vector<Node>& nodes, const Json& item, std::string& out);

Status render_range(const Node& node, const Json& value, const Json& item, std::string& out) {
  if (!template_truth(value)) return render_list(node.otherwise, item, out);
  for (const Json& element : value.items()) SLIP_TRY(render_list(node.body, element, out));
  for (const auto& member : value.members()) SLIP_TRY(render_list(node.body, member.second, out));
  return {};
}

Status render_node(const Node& node, const Json& item, std::string& out) {
  if (out.size() > kMaxOutput)
    return fail(ErrorCode::kInvalid, "evaluate template: more than 1 MiB of output");
  if (node.kind == Node::Kind::kText) {
    out += node.text;
    return {};
  }
  const Json value = SLIP_TRY(evaluate(node.operand, item));
  if (node.kind == Node::Kind::kOutput) {
    out += template_text(value);
    return {};
  }
  if (node.kind == Node::Kind::kRange) return render_range(node, value, item, out);
  const bool truth = template_truth(value);
  const Json& inner = truth && node.kind == Node::Kind::kWith ? value : item;
  return render_list(truth ? node.body : node.otherwise, inner, out);
}

Status render_list(const std::vector<Node>& nodes, const Json& item, std::string& out) {
  for (const Node& node : nodes) SLIP_TRY(render_node(node, item, out));
  return {};
}

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
  std::string out;
  SLIP_TRY(render_list(root_->body, item, out));
  return out;
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
