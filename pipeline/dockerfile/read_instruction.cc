// From a logical line to an Instruction, with the rules each instruction has for its flags and arguments.
// Spec: Dockerfile reference. Wording follows the reference implementation where people search the web for it.
#include "pipeline/dockerfile/read_instruction.h"

#include <algorithm>

#include "base/text.h"
#include "pipeline/dockerfile/characters.h"
#include "pipeline/dockerfile_values.h"

namespace slipway::pipeline::dockerfile {
namespace {

constexpr std::size_t kMaxFlag = std::size_t{64} << 10;  // part of the door's contract
constexpr std::string_view kBlanks = "\t\v\f\r ";

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

/// In the case the person writes in.
std::string in_case_of(std::string_view written, std::string name) {
  return written == to_lower(written) ? to_lower(name) : name;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& names,
                       std::string_view prefix = "") {
  const auto near = did_you_mean(word, names);
  return near ? "did you mean " + std::string(prefix) + *near + "?" : "";
}

bool valid_stage_name(std::string_view name) {
  if (name.empty() || name[0] < 'a' || name[0] > 'z') return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_.") ==
         std::string_view::npos;
}

}  // namespace

Span InstructionReader::span(std::size_t begin, std::size_t end) const {
  const Place first = line_.place(begin);
  const Place last = line_.place(end > begin ? end - 1 : end);
  return {0, first.line, first.column, last.line, last.column + 1};
}

void InstructionReader::complain(const Span& span, std::string message, std::string help) {
  found_.push_back({Severity::kError, span, std::move(message), std::move(help), {}});
}

Instruction InstructionReader::begin(const Piece& piece, const Statement& statement,
                                     const Rule& rule) const {
  Instruction out;
  out.kind = rule.kind;
  out.keyword = statement.keyword.text;
  out.text = statement.arguments.text;
  out.original = trim_space(piece.text);
  out.comments = line_.comments;
  out.empty_continuation = line_.empty_continuation;
  out.text_end_line = line_.last_line;
  const std::size_t end = std::max(statement.arguments.end, statement.keyword.end);
  out.span = span(piece.base + statement.keyword.begin, piece.base + end);
  return out;
}

const Rule* InstructionReader::rule_of(const Piece& piece, const Statement& statement) {
  const Part& keyword = statement.keyword;
  const Rule* rule = find_rule(keyword.text);
  if (rule == nullptr) {
    const std::string help = suggestion(upper(keyword.text), instruction_names());
    complain(span(piece.base + keyword.begin, piece.base + keyword.end),
             "unknown instruction: " + ellipsize(printable(keyword.text), 60),
             in_case_of(keyword.text, help));
  }
  return rule;
}

std::optional<Instruction> InstructionReader::read(LineReader& lines) {
  const std::size_t before = found_.size();
  const Piece piece{line_.text, 0};
  const Statement statement = split_statement(piece.text, escape_);
  const Rule* rule = rule_of(piece, statement);
  bool heredocs = rule == nullptr || rule->heredocs;
  if (rule != nullptr && rule->kind == InstructionKind::kOnbuild) {
    const Statement inner = split_statement(statement.arguments.text, escape_);
    const Rule* trigger = find_rule(inner.keyword.text);
    heredocs = trigger != nullptr && trigger->heredocs && !json_words(inner.arguments.text).is_json;
  } else if (heredocs && rule != nullptr) {
    heredocs = !json_words(statement.arguments.text).is_json;
  }
  whole_ = span(statement.keyword.begin, std::max(statement.arguments.end, statement.keyword.end));
  if (heredocs) read_heredocs(lines, rule != nullptr);
  if (rule == nullptr) return std::nullopt;
  Instruction out = read_piece(piece, statement, *rule);
  if (!bodies_.empty()) {
    out.span.end_line = lines.line_number();
    out.span.end_column = static_cast<int>(bodies_.back().first.name.size()) + 1;
  }
  if (found_.size() > before) return std::nullopt;
  return out;
}

/// Not `wanted`: behind an unknown keyword, where a body, if there is one, is skipped.
void InstructionReader::read_heredocs(LineReader& lines, bool wanted) {
  for (HeredocMark& mark : heredoc_marks(line_.text)) {
    auto body = lines.heredoc(mark.name, mark.strip_tabs);
    if (!body) {
      if (wanted)
        complain(whole_, "unterminated heredoc: no line " + quoted(mark.name) + " follows",
                 "end it with a line of that word alone");
      return;
    }
    bodies_.emplace_back(std::move(mark), std::move(*body));
  }
}

Instruction InstructionReader::read_piece(const Piece& piece, const Statement& statement,
                                          const Rule& rule) {
  Instruction out = begin(piece, statement, rule);
  read_flags(out, piece, statement, rule);
  read_shape(out, rule, {statement.arguments.text, piece.base + statement.arguments.begin});
  if (rule.heredocs) take_heredocs(out);
  check(out, rule);
  check_values(out);
  return out;
}

void InstructionReader::read_flags(Instruction& out, const Piece& piece, const Statement& statement,
                                   const Rule& rule) {
  for (const Part& part : statement.flags) read_flag(out, part, piece.base, rule);
}

void InstructionReader::read_flag(Instruction& out, const Part& part, std::size_t base,
                                  const Rule& rule) {
  InstructionFlag flag;
  flag.span = span(base + part.begin, base + part.end);
  const std::size_t equals = part.text.find('=');
  flag.name = part.text.substr(2, equals == std::string::npos ? equals : equals - 2);
  flag.has_value = equals != std::string::npos;
  if (flag.has_value) flag.value = part.text.substr(equals + 1);
  const std::string shown = "--" + ellipsize(printable(flag.name), 60);
  const FlagRule* known = find_flag(rule, flag.name);
  if (known == nullptr) {
    std::vector<std::string> names;
    for (const FlagRule& one : rule.flags) names.emplace_back(one.name);
    std::string help = suggestion(flag.name, names, "--");
    if (help.empty() && names.empty()) help = std::string(rule.name) + " has no flags";
    if (help.empty()) help = std::string(rule.name) + " knows --" + join(names, ", --");
    return complain(flag.span, "unknown flag: " + shown, help);
  }
  if (known->kind != FlagKind::kMany && out.flag(flag.name) != nullptr)
    return complain(flag.span, "duplicate flag specified: " + shown, "give it once");
  if (part.text.size() > kMaxFlag)
    return complain(flag.span, "flag " + shown + " is longer than 64 KiB");
  if (known->kind == FlagKind::kBool) {
    const std::string value = to_lower(flag.value);
    if (flag.has_value && value.empty())
      return complain(flag.span, "missing a value on flag: " + shown, "write true or false");
    if (value != "" && value != "true" && value != "false")
      return complain(flag.span,
                      "expecting boolean value for flag " + shown + ", not: " + quoted(flag.value),
                      "write true or false");
    flag.value = value == "false" ? "false" : "true";
  } else if (!flag.has_value) {
    return complain(flag.span, "missing a value on flag: " + shown, "write " + shown + "=VALUE");
  }
  out.flags.push_back(std::move(flag));
}

void InstructionReader::read_shape(Instruction& out, const Rule& rule, const Piece& inner) {
  switch (rule.shape) {
    case Shape::kList:
      return read_list(out);
    case Shape::kWords:
      for (Part& part : plain_words(out.text)) out.words.push_back(std::move(part.text));
      return;
    case Shape::kText:
      if (!out.text.empty()) out.words.push_back(out.text);
      return;
    case Shape::kCommand:
      return read_command(out, out.text);
    case Shape::kPairs:
      return read_pairs(out);
    case Shape::kArgs:
      return read_args(out);
    case Shape::kFrom:
      return read_from(out);
    case Shape::kHealthcheck:
      return read_healthcheck(out);
    case Shape::kOnbuild:
      return read_onbuild(out, inner);
  }
}

void InstructionReader::read_command(Instruction& out, std::string_view text) {
  JsonWords json = json_words(text);
  if (!json.only_strings)
    complain(out.span, "when using JSON array syntax, arrays must be comprised of strings only",
             "put every element into double quotes");
  out.exec_form = json.is_json;
  if (json.is_json) {
    out.words.insert(out.words.end(), json.words.begin(), json.words.end());
  } else if (!text.empty()) {
    out.words.emplace_back(text);
  }
}

void InstructionReader::read_list(Instruction& out) {
  JsonWords json = json_words(out.text);
  if (json.is_json) return read_command(out, out.text);
  for (Part& part : plain_words(out.text)) out.words.push_back(std::move(part.text));
}

void InstructionReader::read_pairs(Instruction& out) {
  const std::string name = upper(out.keyword);
  const std::vector<Part> words = grouped_words(out.text, escape_);
  if (words.empty())
    return complain(out.span, name + " requires at least one argument",
                    "write " + name + " name=value");
  if (words[0].text.find('=') == std::string::npos) {
    const std::size_t end = out.text.find_first_of(kBlanks);
    if (end == std::string::npos)
      return complain(out.span, name + " must have two arguments", "write " + name + " name=value");
    const std::size_t value = std::min(out.text.find_first_not_of(kBlanks, end), out.text.size());
    out.assignments.push_back({out.text.substr(0, end), out.text.substr(value), true});
    return;
  }
  for (const Part& word : words) {
    const std::size_t equals = word.text.find('=');
    if (equals == std::string::npos)
      return complain(out.span,
                      "can't find = in " + quoted(word.text) + ": must be of the form name=value",
                      "put a value with blanks into quotes");
    if (equals == 0)
      return complain(out.span, name + " names can not be blank", "write a name before =");
    out.assignments.push_back({word.text.substr(0, equals), word.text.substr(equals + 1), false});
  }
}

void InstructionReader::read_args(Instruction& out) {
  for (const Part& word : grouped_words(out.text, escape_)) {
    const std::size_t equals = word.text.find('=');
    if (equals == 0)
      return complain(out.span, "ARG names can not be blank", "write a name before =");
    Assignment assignment{word.text.substr(0, equals), std::nullopt, false};
    if (equals != std::string::npos) assignment.value = word.text.substr(equals + 1);
    out.assignments.push_back(std::move(assignment));
  }
  if (out.assignments.empty())
    complain(out.span, "ARG requires at least one argument", "write ARG name or ARG name=default");
}

void InstructionReader::read_from(Instruction& out) {
  const std::vector<Part> words = plain_words(out.text);
  const bool named = words.size() == 3 && to_lower(words[1].text) == "as";
  if (words.size() != 1 && !named)
    return complain(out.span, "FROM requires either one or three arguments",
                    "write FROM image or FROM image AS name");
  out.words = {words[0].text};
  if (!named) return;
  out.stage_name = to_lower(words[2].text);
  if (!valid_stage_name(out.stage_name))
    complain(out.span, "invalid name for build stage: " + quoted(words[2].text),
             "a name starts with a letter and has letters, digits, '-', '_' and '.'");
}

void InstructionReader::read_healthcheck(Instruction& out) {
  std::size_t end = 0;
  while (end < out.text.size()) {
    const Character next = first_character(std::string_view(out.text).substr(end));
    if (is_space(next.code)) break;
    end += next.bytes;
  }
  const std::string type = upper(out.text.substr(0, end));
  const std::string_view rest = trim_space(std::string_view(out.text).substr(end));
  out.words = {type};
  if (type == "CMD") {
    const std::string command(rest);
    read_command(out, command);
    if (out.words.size() == 1)
      complain(out.span, "missing command after HEALTHCHECK CMD", "write HEALTHCHECK CMD command");
  } else if (type == "NONE") {
    if (!rest.empty()) complain(out.span, "HEALTHCHECK NONE takes no arguments");
  } else if (type.empty()) {
    complain(out.span, "HEALTHCHECK requires at least one argument", "write CMD or NONE");
  } else {
    complain(out.span, "unknown type " + quoted(type) + " in HEALTHCHECK",
             "write HEALTHCHECK CMD command or HEALTHCHECK NONE; flags stand before CMD");
  }
}

void InstructionReader::read_onbuild(Instruction& out, const Piece& inner) {
  if (inner.text.empty())
    return complain(out.span, "ONBUILD requires at least one argument",
                    "write an instruction behind it");
  const Statement statement = split_statement(inner.text, escape_);
  const Rule* rule = rule_of(inner, statement);
  if (rule == nullptr) return;
  if (rule->kind == InstructionKind::kOnbuild)
    return complain(out.span, "chaining ONBUILD via ONBUILD ONBUILD isn't allowed");
  if (rule->kind == InstructionKind::kMaintainer || rule->kind == InstructionKind::kFrom)
    return complain(out.span, std::string(rule->name) + " isn't allowed as an ONBUILD trigger");
  out.trigger.push_back(read_piece(inner, statement, *rule));
  out.trigger.back().comments.clear();
}

void InstructionReader::take_heredocs(Instruction& out) {
  const auto heredoc = [](const HeredocMark& mark, std::string body) {
    return Heredoc{mark.name, std::move(body), mark.expand};
  };
  if (out.kind == InstructionKind::kRun) {
    for (auto& [mark, body] : bodies_) out.heredocs.push_back(heredoc(mark, body));
    return;
  }
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < out.words.size(); ++i) {
    const auto mark = heredoc_mark(out.words[i]);
    if (!mark) {
      paths.push_back(out.words[i]);
    } else if (i + 1 == out.words.size()) {
      complain(out.span, upper(out.keyword) + " cannot accept a heredoc as a destination",
               "write a path behind it");
    } else {
      // Two of one name: the last body counts, as in the reference implementation.
      const auto body = std::find_if(bodies_.rbegin(), bodies_.rend(),
                                     [&](const auto& one) { return one.first.name == mark->name; });
      out.heredocs.push_back(heredoc(*mark, body == bodies_.rend() ? "" : body->second));
    }
  }
  out.words = std::move(paths);
}

void InstructionReader::check(const Instruction& out, const Rule& rule) {
  const std::string name(rule.name);
  const bool empty = out.words.empty();
  switch (rule.kind) {
    case InstructionKind::kAdd:
    case InstructionKind::kCopy:
      if (out.words.size() + out.heredocs.size() < 2)
        complain(out.span, name + " requires at least two arguments, but only one was provided",
                 "write sources and then a destination");
      break;
    case InstructionKind::kMaintainer:
    case InstructionKind::kStopsignal:
    case InstructionKind::kUser:
    case InstructionKind::kWorkdir:
      if (empty) complain(out.span, name + " requires exactly one argument");
      break;
    case InstructionKind::kExpose:
    case InstructionKind::kVolume:
      if (empty) complain(out.span, name + " requires at least one argument");
      if (std::any_of(out.words.begin(), out.words.end(),
                      [](const std::string& word) { return trim_space(word).empty(); }))
        complain(out.span, name + " can not have an empty argument");
      break;
    case InstructionKind::kRun:
      if (empty)
        complain(out.span, "RUN requires at least one argument", "write a command behind it");
      break;
    case InstructionKind::kShell:
      if (!out.exec_form)
        complain(out.span, "SHELL requires the arguments to be in JSON form",
                 R"(as in: SHELL ["/bin/bash", "-c"])");
      else if (empty)
        complain(out.span, "SHELL requires at least one argument");
      break;
    default:
      break;
  }
}

/// What can be told before variables have values.
void InstructionReader::check_values(const Instruction& out) {
  if (out.kind == InstructionKind::kHealthcheck) {
    if (const auto settings = healthcheck_settings(out); !settings) {
      const std::string& text = settings.error().text();
      const std::string name = text.substr(2, text.find('=') - 2);
      const InstructionFlag* flag = out.flag(name);
      complain(flag != nullptr ? flag->span : out.span, text);
    }
  }
  if (out.kind != InstructionKind::kRun) return;
  for (const InstructionFlag& flag : out.flags) {
    if (flag.name == "mount" && flag.value.find('$') != std::string::npos) continue;
    Instruction alone;
    alone.flags.push_back(flag);
    if (const auto settings = run_settings(alone, nullptr); !settings)
      complain(flag.span, settings.error().text());
  }
}

}  // namespace slipway::pipeline::dockerfile
