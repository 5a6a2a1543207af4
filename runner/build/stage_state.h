#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cachestore/image_config.h"
#include "pipeline/dockerfile.h"

namespace slipway::runner {

using NamedValues = std::vector<std::pair<std::string, std::string>>;
const std::string* find_value(const NamedValues& values, std::string_view name);
void set_value(NamedValues& values, const std::string& name, const std::string& value);

/// ARG's sources: what the command line gave, and what the Dockerfile's top and the platforms define.
struct BuildArguments {
  NamedValues given;
  NamedValues global;
};

/// An image's history entry in the making; those with a layer stand for a step.
struct HistoryStep {
  std::string created_by;
  bool layer = false;
};

/// What a stage's instructions have made of its image's config so far, and what they see: variables and arguments.
/// Files are not its business.
class StageState {
 public:
  StageState() = default;
  StageState(cachestore::ImageConfig base, char escape, const BuildArguments& arguments);
  /// A stage that begins with this one's result.
  StageState inherited() const;

  /// Instructions that change no files. kInvalid says what is wrong with the instruction.
  Status apply(const pipeline::Instruction& instruction);
  static bool changes_files(pipeline::InstructionKind kind);
  /// The directory becomes the working directory; its history entry stands for a layer unless it is the root.
  Result<std::string> enter_workdir(const pipeline::Instruction& instruction);
  void add_history(std::string created_by, bool layer) {
    history_.push_back({std::move(created_by), layer});
  }

  Result<std::string> expand(std::string_view word) const;
  /// Variables put in where the reference says so.
  Result<pipeline::Instruction> expanded(const pipeline::Instruction& instruction) const;
  /// A shell form as a command.
  std::vector<std::string> in_shell(const std::string& line) const;
  /// "|2 A=1 B=2 " in front of a RUN's history, or nothing.
  std::string argument_prefix() const;

  const cachestore::ImageConfig& config() const { return config_; }
  const NamedValues& variables() const { return variables_; }
  const std::vector<HistoryStep>& history() const { return history_; }
  /// Maps in the image's document have no order: sorted.
  cachestore::ImageConfig finished_config() const;

 private:
  Status apply_arg(const pipeline::Instruction& instruction);
  Status apply_env(const pipeline::Instruction& instruction);
  Status apply_label(const pipeline::Instruction& instruction);
  Status apply_expose(const pipeline::Instruction& instruction);
  Status apply_healthcheck(const pipeline::Instruction& instruction);
  Status apply_command(const pipeline::Instruction& instruction);
  Status apply_volume(const pipeline::Instruction& instruction);
  Status apply_stopsignal(const pipeline::Instruction& instruction);
  Status apply_user(const pipeline::Instruction& instruction);
  pipeline::VariableLookup lookup() const;

  cachestore::ImageConfig config_;
  char escape_ = '\\';
  const BuildArguments* arguments_ = nullptr;
  NamedValues variables_;  ///< ENV and ARG in the order of their setting: the later one wins.
  std::vector<std::pair<std::string, std::optional<std::string>>> declared_;  ///< ARG
  std::vector<HistoryStep> history_;
  bool cmd_set_ = false;  ///< In this stage: an ENTRYPOINT then keeps it.
};

}  // namespace slipway::runner
