// What a build may be given: arguments, secrets and SSH agents of a target; and the targets there are.
#include <algorithm>
#include <map>

#include "pipeline/dockerfile/stages.h"
#include "pipeline/dockerfile_values.h"

namespace slipway::pipeline {
namespace {

using namespace dockerfile;

Json location(const Span& span) {
  Json ranges = Json::array();
  for (int line = span.line; line <= span.end_line; ++line) {
    const Json place = Json::object({{"line", line}});
    ranges.push(Json::object({{"start", place}, {"end", place}}));
  }
  return Json::object({{"ranges", std::move(ranges)}});
}

/// One thing that may be given.
struct Parameter {
  std::string name;
  std::string value;
  std::string description;
  bool required = false;
  Span span;

  Json to_json() const {
    Json out = Json::object({{"name", name}});
    if (!description.empty()) out.set("description", description);
    if (!value.empty()) out.set("value", value);
    if (required) out.set("required", true);
    out.set("location", location(span));
    return out;
  }
};

class Outline {
 public:
  Outline(const Dockerfile& file, const CheckRequest& request)
      : file_(file),
        request_(request),
        global_(global_scope(file, request, Given::kYes)),
        links_(link_stages(file, global_.variables)) {}

  Json of(std::size_t target) {
    const std::set<std::size_t> needed = needed_stages(links_, target);
    for (std::size_t i = 0; i < file_.stages.size(); ++i) {
      const auto base = links_.bases[i];
      scopes_.push_back(base ? std::make_shared<Variables>(scopes_[*base])
                             : std::make_shared<Variables>());
      if (needed.count(i) == 0) continue;
      note_from(i);
      for (const Instruction& one : file_.stages[i].instructions) note(one, *scopes_[i]);
    }
    Json out = Json::object();
    const Instruction& from = file_.stages[target].from;
    if (!from.stage_name.empty()) out.set("name", from.stage_name);
    const std::string description = description_of(from, from.stage_name);
    if (!description.empty()) out.set("description", description);
    add(out, "args", arguments_);
    add(out, "secrets", secrets_);
    add(out, "ssh", agents_);
    return out;
  }

 private:
  static void add(Json& out, const std::string& name, std::vector<Parameter>& list) {
    if (list.empty()) return;
    std::stable_sort(list.begin(), list.end(), [](const Parameter& a, const Parameter& b) {
      return a.span.line < b.span.line;
    });
    Json items = Json::array();
    for (const Parameter& one : list) items.push(one.to_json());
    out.set(name, std::move(items));
  }
  static void add_new(std::vector<Parameter>& list, Parameter one) {
    const bool known = std::any_of(list.begin(), list.end(),
                                   [&](const Parameter& other) { return other.name == one.name; });
    if (!known) list.push_back(std::move(one));
  }

  void note_from(std::size_t stage) {
    for (const std::string& name : links_.base_names[stage].set) note_global(name);
    const Instruction& from = file_.stages[stage].from;
    const InstructionFlag* platform = from.flag("platform");
    if (platform == nullptr) return;
    if (const auto word = expand_used(platform->value, file_.escape, global_.variables))
      for (const std::string& name : word->set) note_global(name);
  }

  /// With those its default is made of.
  void note_global(const std::string& name) {
    const auto argument = std::find_if(global_.arguments.rbegin(), global_.arguments.rend(),
                                       [&](const GlobalArgument& one) { return one.name == name; });
    if (argument == global_.arguments.rend() || !noted_.insert(name).second) return;
    for (const std::string& need : argument->needs) note_global(need);
    const Instruction& written = *argument->instruction;
    add_new(arguments_, {name, argument->value.value_or(""), description_of(written, name), false,
                         written.span});
  }

  void note(const Instruction& one, Variables& scope) {
    if (one.kind == InstructionKind::kArg) return note_arguments(one, scope);
    if (one.kind == InstructionKind::kRun) return note_mounts(one, scope);
    if (one.kind != InstructionKind::kEnv) return;
    const auto expanded = expand_instruction(one, file_.escape, scope.lookup());
    if (!expanded) return;
    for (const Assignment& assignment : expanded->assignments)
      scope.set(assignment.name, assignment.value.value_or(""));
  }

  void note_arguments(const Instruction& one, Variables& scope) {
    for (const Assignment& assignment : one.assignments) {
      const std::string& name = assignment.name;
      const auto given = std::find_if(request_.build_args.begin(), request_.build_args.end(),
                                      [&](const auto& arg) { return arg.first == name; });
      const bool is_given = given != request_.build_args.end();
      const std::string* global = global_.variables.find(name);
      std::optional<std::string> value;
      if (is_given) {
        value = given->second;
      } else if (assignment.value) {
        const auto expanded = expand_word(*assignment.value, file_.escape, scope.lookup());
        value = expanded ? *expanded : *assignment.value;
      } else if (global != nullptr) {
        scope.set(name, *global);
        note_global(name);
        continue;
      }
      if (value) scope.set(name, *value);
      add_new(arguments_, {name, value.value_or(""), description_of(one, name), false, one.span});
    }
  }

  void note_mounts(const Instruction& run, const Variables& scope) {
    const WordExpander expand = [&](std::string_view word) {
      return expand_word(word, file_.escape, scope.lookup());
    };
    for (const std::string& value : run.flag_values("mount")) {
      const auto mount = parse_run_mount(value, expand);
      if (!mount) continue;
      const auto base = [](const std::string& path) { return path.substr(path.rfind('/') + 1); };
      if (mount->type == RunMount::Type::kSecret) {
        std::string id = mount->source.empty() ? mount->id : mount->source;
        if (id.empty()) id = base(mount->target);
        add_new(secrets_, {id, "", "", mount->required, run.span});
      } else if (mount->type == RunMount::Type::kSsh) {
        std::string id = mount->source.empty() ? mount->id : mount->source;
        if (id.empty()) id = "default";
        add_new(agents_, {id, "", "", mount->required, run.span});
      }
    }
  }

  const Dockerfile& file_;
  const CheckRequest& request_;
  const GlobalScope global_;
  const StageLinks links_;
  std::vector<std::shared_ptr<Variables>> scopes_;
  std::set<std::string> noted_;
  std::vector<Parameter> arguments_, secrets_, agents_;
};

}  // namespace

Json outline(const Dockerfile& file, const CheckRequest& request) {
  const auto target = target_stage(file, request);
  return target ? Outline(file, request).of(*target) : Json::object();
}

Json targets(const Dockerfile& file) {
  Json list = Json::array();
  for (std::size_t i = 0; i < file.stages.size(); ++i) {
    const Instruction& from = file.stages[i].from;
    Json one = Json::object();
    if (!from.stage_name.empty()) one.set("name", from.stage_name);
    if (i + 1 == file.stages.size()) one.set("default", true);
    const std::string description = description_of(from, from.stage_name);
    if (!description.empty()) one.set("description", description);
    one.set("base", from.words[0]);
    if (const InstructionFlag* platform = from.flag("platform"))
      one.set("platform", platform->value);
    one.set("location", location(from.span));
    list.push(std::move(one));
  }
  return Json::object({{"targets", std::move(list)}});
}

}  // namespace slipway::pipeline
