// Instructions that only change an image's config: ENV, ARG, LABEL, CMD and the like, with the history BuildKit writes.
#include "runner/build/stage_state.h"

#include <algorithm>

#include "base/text.h"
#include "pipeline/dockerfile_values.h"
#include "runner/build/config_values.h"
#include "runner/build/go_text.h"

namespace slipway::runner {
namespace {

using pipeline::Instruction;
using pipeline::InstructionKind;

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::pair<std::string, std::string> split_variable(const std::string& entry) {
  const std::size_t equals = entry.find('=');
  if (equals == std::string::npos) return {entry, ""};
  return {entry.substr(0, equals), entry.substr(equals + 1)};
}

void set_environment(std::vector<std::string>& env, const std::string& name,
                     const std::string& value) {
  for (std::string& entry : env) {
    if (split_variable(entry).first != name) continue;
    entry = name + "=" + value;
    return;
  }
  env.push_back(name + "=" + value);
}

void add_once(std::vector<std::string>& list, const std::string& value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
}

}  // namespace

const std::string* find_value(const NamedValues& values, std::string_view name) {
  for (const auto& [known, value] : values) {
    if (known == name) return &value;
  }
  return nullptr;
}

void set_value(NamedValues& values, const std::string& name, const std::string& value) {
  for (auto& [known, old] : values) {
    if (known != name) continue;
    old = value;
    return;
  }
  values.emplace_back(name, value);
}

StageState::StageState(cachestore::ImageConfig base, char escape, const BuildArguments& arguments)
    : config_(std::move(base)), escape_(escape), arguments_(&arguments) {
  config_.on_build.clear();
  config_.history.clear();
  const auto is_path = [](const std::string& entry) {
    return split_variable(entry).first == "PATH";
  };
  if (std::none_of(config_.env.begin(), config_.env.end(), is_path))
    config_.env.push_back(std::string("PATH=") + kDefaultPath);
  for (const std::string& entry : config_.env) {
    const auto [name, value] = split_variable(entry);
    set_value(variables_, name, value);
  }
}

StageState StageState::inherited() const {
  StageState next = *this;
  next.config_.on_build.clear();
  next.cmd_set_ = false;
  return next;
}

bool StageState::changes_files(InstructionKind kind) {
  return kind == InstructionKind::kRun || kind == InstructionKind::kCopy ||
         kind == InstructionKind::kAdd || kind == InstructionKind::kWorkdir;
}

pipeline::VariableLookup StageState::lookup() const {
  return [this](std::string_view name) -> std::optional<std::string> {
    const std::string* value = find_value(variables_, name);
    return value == nullptr ? std::nullopt : std::optional<std::string>(*value);
  };
}

Result<std::string> StageState::expand(std::string_view word) const {
  return pipeline::expand_word(word, escape_, lookup());
}

Result<Instruction> StageState::expanded(const Instruction& instruction) const {
  return pipeline::expand_instruction(instruction, escape_, lookup());
}

std::vector<std::string> StageState::in_shell(const std::string& line) const {
  std::vector<std::string> argv = config_.shell;
  if (argv.empty()) argv = {"/bin/sh", "-c"};
  argv.push_back(line);
  return argv;
}

std::string StageState::argument_prefix() const {
  NamedValues shown;
  for (const auto& [name, value] : declared_) {
    const std::string* now = find_value(variables_, name);
    set_value(shown, name, now != nullptr ? *now : value.value_or(""));
  }
  if (shown.empty()) return "";
  std::string text = "|" + std::to_string(shown.size()) + " ";
  for (const auto& [name, value] : shown) text += name + "=" + value + " ";
  return text;
}

Status StageState::apply(const Instruction& written) {
  // A default that is not used may be wrong: ARG's are expanded one by one.
  if (written.kind == InstructionKind::kArg) return apply_arg(written);
  const Instruction instruction = SLIP_TRY(expanded(written));
  switch (instruction.kind) {
    case InstructionKind::kEnv:
      return apply_env(instruction);
    case InstructionKind::kLabel:
      return apply_label(instruction);
    case InstructionKind::kExpose:
      return apply_expose(instruction);
    case InstructionKind::kHealthcheck:
      return apply_healthcheck(instruction);
    case InstructionKind::kCmd:
    case InstructionKind::kEntrypoint:
      return apply_command(instruction);
    case InstructionKind::kVolume:
      return apply_volume(instruction);
    case InstructionKind::kStopsignal:
      return apply_stopsignal(instruction);
    case InstructionKind::kUser:
      return apply_user(instruction);
    case InstructionKind::kShell:
      config_.shell = instruction.words;
      add_history("SHELL " + go_list(instruction.words), false);
      return {};
    case InstructionKind::kMaintainer:
      config_.author = join(instruction.words, " ");
      add_history("MAINTAINER " + config_.author, false);
      return {};
    case InstructionKind::kOnbuild:
      config_.on_build.push_back(pipeline::trigger_text(instruction));
      return {};
    default:
      break;
  }
  return fail(ErrorCode::kInternal, "apply " + instruction.keyword + ": it changes files");
}

Status StageState::apply_arg(const Instruction& instruction) {
  std::vector<std::string> shown;
  for (const pipeline::Assignment& argument : instruction.assignments) {
    std::optional<std::string> value;
    if (const std::string* given = find_value(arguments_->given, argument.name)) {
      value = *given;
    } else if (argument.value) {
      value = SLIP_TRY(expand(*argument.value));
    } else if (const std::string* global = find_value(arguments_->global, argument.name)) {
      value = *global;
    }
    if (value) set_value(variables_, argument.name, *value);
    declared_.emplace_back(argument.name, value);
    shown.push_back(value ? argument.name + "=" + *value : argument.name);
  }
  add_history("ARG " + join(shown, " "), false);
  return {};
}

Status StageState::apply_env(const Instruction& instruction) {
  std::string text = "ENV";
  for (const pipeline::Assignment& variable : instruction.assignments) {
    const std::string& name = variable.name;
    const std::string value = variable.value.value_or("");
    set_value(variables_, name, value);
    set_environment(config_.env, name, value);
    text += " " + name + "=" + value;
  }
  add_history(std::move(text), false);
  return {};
}

Status StageState::apply_label(const Instruction& instruction) {
  std::string text = "LABEL";
  for (const pipeline::Assignment& label : instruction.assignments) {
    const std::string value = label.value.value_or("");
    set_value(config_.labels, label.name, value);
    text += " " + label.name + "=" + value;
  }
  add_history(std::move(text), false);
  return {};
}

Status StageState::apply_expose(const Instruction& instruction) {
  std::vector<std::string> ports;
  for (const std::string& word : instruction.words) {
    for (std::string& port : SLIP_TRY(pipeline::parse_exposed(word)).ports)
      ports.push_back(std::move(port));
  }
  std::sort(ports.begin(), ports.end());  // as BuildKit writes them into the history
  for (const std::string& port : ports) add_once(config_.exposed_ports, port);
  add_history("EXPOSE " + go_list(ports), false);
  return {};
}

Status StageState::apply_healthcheck(const Instruction& instruction) {
  const auto settings = SLIP_TRY(pipeline::healthcheck_settings(instruction));
  const cachestore::Healthcheck check{settings.test,           settings.interval,
                                      settings.timeout,        settings.start_period,
                                      settings.start_interval, settings.retries};
  config_.healthcheck = check;
  add_history("HEALTHCHECK {Test:" + go_list(check.test) + " Interval:" +
                  go_duration(check.interval) + " Timeout:" + go_duration(check.timeout) +
                  " StartPeriod:" + go_duration(check.start_period) +
                  " StartInterval:" + go_duration(check.start_interval) +
                  " Retries:" + std::to_string(check.retries) + "}",
              false);
  return {};
}

Status StageState::apply_command(const Instruction& instruction) {
  const bool is_cmd = instruction.kind == InstructionKind::kCmd;
  const std::vector<std::string> argv =
      instruction.exec_form ? instruction.words : in_shell(join(instruction.words, " "));
  if (is_cmd) {
    config_.cmd = argv;
    config_.args_escaped = true;
    cmd_set_ = true;
  } else {
    config_.entrypoint = argv;
    if (!cmd_set_)
      config_.cmd.clear();  // The base image's would become the new program's arguments.
  }
  add_history((is_cmd ? "CMD " : "ENTRYPOINT ") + go_quote(argv), false);
  return {};
}

Status StageState::apply_volume(const Instruction& instruction) {
  const std::vector<std::string>& volumes = instruction.words;
  for (const std::string& volume : volumes) {
    if (volume.empty()) return fail(ErrorCode::kInvalid, "VOLUME: a path is empty");
    add_once(config_.volumes, volume);
  }
  add_history("VOLUME " + go_list(volumes), false);
  return {};
}

Status StageState::apply_stopsignal(const Instruction& instruction) {
  const std::string signal = join(instruction.words, " ");
  SLIP_TRY(check_stop_signal(signal));
  config_.stop_signal = signal;
  add_history("STOPSIGNAL " + signal, false);
  return {};
}

Status StageState::apply_user(const Instruction& instruction) {
  const std::string user = join(instruction.words, " ");
  if (user.empty()) return fail(ErrorCode::kInvalid, "USER: the name is empty after expansion");
  config_.user = user;
  add_history("USER " + user, false);
  return {};
}

Result<std::string> StageState::enter_workdir(const Instruction& instruction) {
  const std::string path = join(SLIP_TRY(expanded(instruction)).words, " ");
  if (path.empty()) return fail(ErrorCode::kInvalid, "WORKDIR: the path is empty after expansion");
  config_.working_dir = path_from(config_.working_dir, path);
  add_history("WORKDIR " + config_.working_dir, config_.working_dir != "/");
  return config_.working_dir;
}

cachestore::ImageConfig StageState::finished_config() const {
  cachestore::ImageConfig config = config_;
  std::sort(config.labels.begin(), config.labels.end());
  std::sort(config.volumes.begin(), config.volumes.end());
  std::sort(config.exposed_ports.begin(), config.exposed_ports.end());
  return config;
}

}  // namespace slipway::runner
