// Arguments and stages as far as they can be known without building: what checks and outlines stand on.
#include "pipeline/dockerfile/stages.h"

#include <algorithm>

#include "base/text.h"
#include "pipeline/dockerfile/word.h"
#include "pipeline/dockerfile_values.h"

namespace slipway::pipeline::dockerfile {

const std::string* Variables::find(std::string_view name) const {
  for (const Variables* scope = this; scope != nullptr; scope = scope->inherited_.get()) {
    const auto found = scope->own_.find(name);
    if (found != scope->own_.end() && found->second) return &*found->second;
  }
  return nullptr;
}

void Variables::set(std::string_view name, std::string value) {
  own_.insert_or_assign(std::string(name), std::move(value));
}

bool Variables::declared(std::string_view name) const {
  for (const Variables* scope = this; scope != nullptr; scope = scope->inherited_.get())
    if (scope->own_.find(name) != scope->own_.end()) return true;
  return false;
}

std::vector<std::string> Variables::names(std::size_t limit) const {
  std::vector<std::string> out;
  for (const Variables* scope = this; scope != nullptr; scope = scope->inherited_.get()) {
    for (const auto& [name, value] : scope->own_) {
      if (out.size() >= limit) return out;
      if (value) out.push_back(name);
    }
  }
  return out;
}

VariableLookup Variables::lookup() const {
  return [this](std::string_view name) -> std::optional<std::string> {
    const std::string* value = find(name);
    if (value == nullptr) return std::nullopt;
    return *value;
  };
}

Result<UsedWord> expand_used(std::string_view word, char escape, const Variables& variables) {
  UsedWord out;
  const VariableLookup lookup = variables.lookup();
  const VariableLookup watched = [&](std::string_view name) {
    auto value = lookup(name);
    if (value) out.set.emplace(name);
    return value;
  };
  out.text = SLIP_TRY(expand_word(word, escape, watched, &out.unset));
  return out;
}

Variables platform_arguments(const CheckRequest& request) {
  Variables out;
  const PlatformWord platform = parse_platform_word(request.platform).value_or(PlatformWord{});
  for (const std::string side : {"BUILD", "TARGET"}) {
    out.set(side + "PLATFORM", request.platform);
    out.set(side + "OS", platform.os);
    out.set(side + "OSVERSION", "");
    out.set(side + "ARCH", platform.architecture);
    out.set(side + "VARIANT", platform.variant);
  }
  out.set("TARGETSTAGE", request.target.empty() ? "default" : request.target);
  for (const auto& [name, value] : request.build_args)
    if (out.find(name) != nullptr) out.set(name, value);
  return out;
}

GlobalScope global_scope(const Dockerfile& file, const CheckRequest& request, Given given) {
  GlobalScope out;
  out.variables = platform_arguments(request);
  for (const Instruction& instruction : file.global_args) {
    for (const Assignment& assignment : instruction.assignments) {
      GlobalArgument argument{assignment.name, std::nullopt, {}, &instruction};
      const auto value =
          std::find_if(request.build_args.begin(), request.build_args.end(),
                       [&](const auto& one) { return one.first == assignment.name; });
      if (given == Given::kYes && value != request.build_args.end()) {
        argument.value = value->second;
      } else if (assignment.value) {
        auto word = expand_used(*assignment.value, file.escape, out.variables);
        argument.value = word ? word->text : *assignment.value;
        if (word) argument.needs = std::move(word->set);
        argument.needs.erase(argument.name);
      }
      if (argument.value) out.variables.set(argument.name, *argument.value);
      out.arguments.push_back(std::move(argument));
    }
  }
  return out;
}

std::optional<std::size_t> stage_named(const Dockerfile& file, std::string_view name,
                                       std::size_t end) {
  const std::string wanted = to_lower(name);
  for (std::size_t i = std::min(end, file.stages.size()); i-- > 0;)
    if (!wanted.empty() && file.stages[i].from.stage_name == wanted) return i;
  return std::nullopt;
}

namespace {

/// A stage that COPY --from or a mount names: by name, or by number for COPY.
std::optional<std::size_t> source_stage(const Dockerfile& file, const std::string& from) {
  if (const auto named = stage_named(file, from, file.stages.size())) return named;
  const auto number = parse_int(from);
  if (!number || *number < 0 || static_cast<std::size_t>(*number) >= file.stages.size())
    return std::nullopt;
  return static_cast<std::size_t>(*number);
}

void note_uses(const Dockerfile& file, const Instruction& instruction,
               std::set<std::size_t>& uses) {
  const auto note = [&](const std::string& from) {
    if (const auto stage = source_stage(file, from)) uses.insert(*stage);
  };
  if (instruction.kind == InstructionKind::kCopy)
    if (const InstructionFlag* from = instruction.flag("from")) note(from->value);
  if (instruction.kind != InstructionKind::kRun) return;
  const auto as_written = [](std::string_view text) -> Result<std::string> {
    return std::string(text);
  };
  for (const std::string& value : instruction.flag_values("mount")) {
    const auto mount = parse_run_mount(value, as_written);
    if (mount && !mount->from.empty()) note(mount->from);
  }
}

}  // namespace

StageLinks link_stages(const Dockerfile& file, const Variables& variables) {
  StageLinks out;
  for (std::size_t i = 0; i < file.stages.size(); ++i) {
    const DockerStage& stage = file.stages[i];
    const std::string& written = stage.from.words[0];
    auto base = expand_used(written, file.escape, variables);
    out.base_names.push_back(base ? std::move(*base) : UsedWord{written, {}, {}});
    out.bases.push_back(stage_named(file, out.base_names.back().text, i));
    out.uses.emplace_back();
    for (const Instruction& instruction : stage.instructions)
      note_uses(file, instruction, out.uses.back());
  }
  return out;
}

std::set<std::size_t> needed_stages(const StageLinks& links, std::size_t target) {
  std::set<std::size_t> out;
  std::vector<std::size_t> open = {target};
  while (!open.empty()) {
    const std::size_t stage = open.back();
    open.pop_back();
    if (!out.insert(stage).second) continue;
    if (links.bases[stage]) open.push_back(*links.bases[stage]);
    open.insert(open.end(), links.uses[stage].begin(), links.uses[stage].end());
  }
  return out;
}

std::optional<std::size_t> target_stage(const Dockerfile& file, const CheckRequest& request) {
  if (file.stages.empty()) return std::nullopt;
  if (request.target.empty()) return file.stages.size() - 1;
  return source_stage(file, request.target);
}

std::string description_of(const Instruction& instruction, std::string_view name) {
  if (name.empty()) return "";
  const std::string start = std::string(name) + " ";
  for (const std::string& comment : instruction.comments)
    if (comment.compare(0, start.size(), start) == 0) return comment.substr(start.size());
  return "";
}

}  // namespace slipway::pipeline::dockerfile
