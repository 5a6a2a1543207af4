// Instructions -> steps, by walking a stage once: what each step sees is known before anything runs.
#include "runner/build/stage_plan.h"

#include "base/text.h"
#include "runner/build/config_values.h"
#include "runner/build/context.h"

namespace slipway::runner {
namespace {

using pipeline::Instruction;
using pipeline::InstructionKind;

constexpr const char* kScriptDirectory = "/dev/pipes/";  // Where BuildKit puts it.

bool is_url(const std::string& source) {
  return source.starts_with("http://") || source.starts_with("https://");
}

std::string flag_value(const Instruction& instruction, const char* name) {
  const pipeline::InstructionFlag* flag = instruction.flag(name);
  return flag == nullptr ? "" : flag->value;
}

Result<std::string> truth_of(const Instruction& instruction, const char* name) {
  const pipeline::InstructionFlag* flag = instruction.flag(name);
  if (flag == nullptr) return std::string();
  const std::string value = flag->has_value ? to_lower(flag->value) : "true";
  if (value == "true" || value == "1") return std::string("true");
  if (value == "false" || value == "0") return std::string("false");
  return fail(ErrorCode::kInvalid, instruction.keyword + " --" + name + "=" +
                                       printable(flag->value) + ": true or false is wanted");
}

/// What the reference leaves to whoever mounts: names and places that are not given.
Status complete_mount(pipeline::RunMount& mount) {
  using Type = pipeline::RunMount::Type;
  if (mount.type == Type::kSecret) {
    if (mount.id.empty()) mount.id = mount.source;
    if (mount.id.empty()) mount.id = mount.target.substr(mount.target.rfind('/') + 1);
    if (mount.env && mount.env->empty()) mount.env = mount.id;
    // With a variable alone there is no file.
    if (mount.target.empty() && !mount.env) mount.target = "/run/secrets/" + mount.id;
    return {};
  }
  if (mount.type == Type::kSsh) {
    if (mount.id.empty()) mount.id = "default";
    return {};
  }
  if (mount.target.empty()) return fail(ErrorCode::kInvalid, "RUN --mount: target is missing");
  if (mount.type == Type::kCache && mount.id.empty()) mount.id = mount.target;
  return {};
}

Status read_run_flags(const StageState& state, const Instruction& instruction, RunPlan& run) {
  const auto expand = [&state](std::string_view word) { return state.expand(word); };
  pipeline::RunSettings settings = SLIP_TRY(pipeline::run_settings(instruction, expand));
  for (const pipeline::RunDevice& device : settings.devices) {
    if (device.required) {
      return fail(ErrorCode::kUnsupported, "RUN --device=" + printable(device.name) +
                                               ": devices cannot be given to a build");
    }
  }
  for (pipeline::RunMount& mount : settings.mounts) SLIP_TRY(complete_mount(mount));
  run.mounts = std::move(settings.mounts);
  run.network = settings.network;
  run.insecure = settings.insecure;
  return {};
}

/// One stage being walked.
class Planner {
 public:
  Planner(const GraphStage& stage, StageState state, std::string platform_prefix)
      : stage_(stage), prefix_(std::move(platform_prefix)) {
    plan_.state = std::move(state);
    total_ = stage.base == GraphStage::Base::kImage ? 1 : 0;
    for (const GraphInstruction& one : stage.instructions) {
      if (StageState::changes_files(one.instruction.kind)) total_++;
    }
    if (stage.base == GraphStage::Base::kImage && stage.written)
      plan_.base_name = numbered("FROM " + stage.base_name, false);
    if (!stage.written) plan_.base_name = "FROM " + stage.base_name;
  }

  Status add(const GraphInstruction& one) {
    const Instruction& instruction = one.instruction;
    if (!StageState::changes_files(instruction.kind)) return plan_.state.apply(instruction);
    PlannedStep step;
    step.written = &one;
    step.name = numbered(instruction.original, one.trigger);
    step.variables = plan_.state.variables();
    step.user = plan_.state.config().user;
    if (instruction.kind == InstructionKind::kWorkdir) return add_workdir(instruction, step);
    step.workdir = plan_.state.config().working_dir;
    if (step.workdir.empty()) step.workdir = "/";
    if (instruction.kind == InstructionKind::kRun) {
      SLIP_TRY(plan_run(instruction, step));
    } else {
      SLIP_TRY(plan_copy(instruction, step));
    }
    finish(std::move(step));
    return {};
  }

  StagePlan take() { return std::move(plan_); }

 private:
  std::string numbered(const std::string& text, bool trigger) {
    const std::string total = std::to_string(total_);
    std::string number = std::to_string(++number_);
    if (number.size() < total.size()) number.insert(0, total.size() - number.size(), ' ');
    std::string name = "[" + prefix_ + (prefix_.empty() ? "" : " ") + stage_.title +
                       (stage_.title.empty() ? "" : " ") + number + "/" + total + "] ";
    return name + (trigger ? "ONBUILD " : "") + text;
  }

  void finish(PlannedStep step) {
    step.history = plan_.state.history().size() - 1;
    plan_.steps.push_back(std::move(step));
  }

  Status add_workdir(const Instruction& instruction, PlannedStep& step) {
    step.kind = PlannedStep::Kind::kWorkdir;
    step.workdir = SLIP_TRY(plan_.state.enter_workdir(instruction));
    if (step.workdir == "/") {
      number_--;  // No layer and nothing to do.
      return {};
    }
    finish(std::move(step));
    return {};
  }

  Status plan_run(const Instruction& instruction, PlannedStep& step) {
    step.kind = PlannedStep::Kind::kRun;
    SLIP_TRY(read_run_flags(plan_.state, instruction, step.run));
    if (instruction.exec_form) {
      step.run.argv = instruction.words;
    } else {
      const pipeline::RunScript script = pipeline::run_script(instruction);
      if (script.file) {
        step.run.script_name = script.file->name;
        step.run.script = script.file->content;
      }
      step.run.argv =
          plan_.state.in_shell(script.file ? kScriptDirectory + script.file->name : script.line);
    }
    plan_.state.add_history(
        "RUN " + plan_.state.argument_prefix() + join(step.run.argv, " ") + " # buildkit", true);
    return {};
  }

  Status plan_copy(const Instruction& written, PlannedStep& step) {
    step.kind = PlannedStep::Kind::kCopy;
    const Instruction instruction = SLIP_TRY(plan_.state.expanded(written));
    CopyPlan& copy = step.copy;
    copy.add = instruction.kind == InstructionKind::kAdd;
    copy.chown = flag_value(instruction, "chown");
    copy.chmod = flag_value(instruction, "chmod");
    copy.checksum = flag_value(instruction, "checksum");
    copy.link = SLIP_TRY(truth_of(instruction, "link")) == "true";
    copy.parents = SLIP_TRY(truth_of(instruction, "parents")) == "true";
    copy.unpack = SLIP_TRY(truth_of(instruction, "unpack"));
    copy.keep_git_dir = SLIP_TRY(truth_of(instruction, "keep-git-dir"));
    for (const std::string& pattern : instruction.flag_values("exclude"))
      copy.excludes.push_back(SLIP_TRY(plan_.state.expand(pattern)));
    if (instruction.words.empty())
      return fail(ErrorCode::kInvalid, instruction.keyword + ": no destination");
    copy.destination = instruction.words.back();
    std::string history = copy.add ? "ADD" : "COPY";
    if (copy.parents) history += " --parents";
    if (!copy.chown.empty()) history += " --chown=" + copy.chown;
    if (!copy.chmod.empty()) history += " --chmod=" + copy.chmod;
    for (std::size_t i = 0; i + 1 < instruction.words.size(); ++i) {
      const std::string& source = instruction.words[i];
      SLIP_TRY(sort_source(instruction, source, copy));
      history += " " + source;
    }
    for (const pipeline::Heredoc& document : instruction.heredocs) {
      CopyFile file;
      file.name = document.name;
      file.content = document.content;
      copy.files.push_back(std::move(file));
      history += " <<" + document.name;
    }
    plan_.state.add_history(history + " " + copy.destination + " # buildkit", true);
    return check_copy(instruction, copy);
  }

  static Status sort_source(const Instruction& instruction, const std::string& source,
                            CopyPlan& copy) {
    const std::optional<GitSource> parsed = parse_git_url(source);
    const bool git = parsed && !parsed->maybe_path;
    if (!git && !is_url(source)) {
      copy.sources.push_back(source);
      return {};
    }
    if (!copy.add) {
      return fail(ErrorCode::kInvalid,
                  instruction.keyword + " " + printable(source) + ": COPY takes no URL; use ADD");
    }
    (git ? copy.gits : copy.urls).push_back(source);
    return {};
  }

  static Status check_copy(const Instruction& instruction, const CopyPlan& copy) {
    const std::size_t remote = copy.urls.size() + copy.gits.size();
    const std::size_t all = remote + copy.sources.size() + copy.files.size();
    if (all == 0) return fail(ErrorCode::kInvalid, instruction.keyword + ": no source");
    if (!copy.checksum.empty() && (remote != 1 || all != 1)) {
      return fail(ErrorCode::kInvalid,
                  instruction.keyword + " --checksum: takes exactly one URL or git source");
    }
    if (all > 1 && !copy.destination.ends_with('/') && copy.destination != "." &&
        copy.destination != "..") {
      return fail(ErrorCode::kInvalid, instruction.keyword +
                                           " of several sources: the destination " +
                                           printable(copy.destination) + " must end in /");
    }
    return {};
  }

  const GraphStage& stage_;
  std::string prefix_;
  StagePlan plan_;
  std::size_t total_ = 0;
  std::size_t number_ = 0;
};

}  // namespace

Result<StagePlan> plan_stage(const GraphStage& stage, StageState state,
                             const std::string& platform_prefix, pipeline::Span& where) {
  Planner planner(stage, std::move(state), platform_prefix);
  for (const GraphInstruction& one : stage.instructions) {
    where = one.instruction.span;
    SLIP_TRY(planner.add(one));
  }
  return planner.take();
}

}  // namespace slipway::runner
