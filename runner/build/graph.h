#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cachestore/transfer.h"
#include "pipeline/dockerfile.h"
#include "runner/build/stage_state.h"

namespace slipway::runner {

/// A Dockerfile's stages and what each of them needs, for one target platform. Nothing runs here and nothing is read.

/// Where COPY, ADD or a mount takes files from.
struct FileSource {
  enum class Kind { kContext, kNamedContext, kStage };
  Kind kind = Kind::kContext;
  std::size_t stage = 0;
  std::string name;  ///< Of the named context.
};

struct GraphInstruction {
  pipeline::Instruction instruction;
  bool trigger = false;  ///< Came from the base by ONBUILD; its place is the FROM.
  std::vector<FileSource>
      sources;  ///< COPY: at most one; RUN: one a mount that has `from`, else the context.
};

struct GraphStage {
  enum class Base { kScratch, kImage, kStage, kNamedContext };
  Base base = Base::kScratch;
  std::string base_name;       ///< Image or named context.
  std::size_t base_stage = 0;  ///< kStage
  cachestore::Platform platform;
  bool platform_given = false;
  std::string name;   ///< As FROM … AS says, lower case; or empty.
  std::string title;  ///< For people: "build", "stage-1", or empty for an only one.
  pipeline::Span span;
  std::vector<GraphInstruction> instructions;
  std::vector<std::size_t> uses;  ///< Stages, the base included.
  bool written = true;            ///< False: stands for an image that COPY --from names.
  bool has_triggers = false;      ///< The base's triggers are in `instructions`.
};

struct GraphOptions {
  cachestore::Platform platform;
  bool platform_given = false;  ///< Somebody asked for it by name.
  std::string target;
  NamedValues build_args;
  NamedValues named_contexts;
};

class StageGraph {
 public:
  /// On failure `where` is the place in the Dockerfile.
  static Result<StageGraph> make(const pipeline::Dockerfile& file, const GraphOptions& options,
                                 pipeline::Span& where);

  /// Stages that the target needs, each after those it uses. kInvalid: they need each other.
  Result<std::vector<std::size_t>> needed(pipeline::Span& where) const;
  /// Puts what the base asks for in front of the stage's instructions. Afterwards needed() may give more.
  Status add_triggers(std::size_t stage, const std::vector<std::string>& on_build);

  const std::vector<GraphStage>& stages() const { return stages_; }
  const GraphStage& stage(std::size_t index) const { return stages_[index]; }
  std::size_t target() const { return target_; }
  /// Its layers are the target's.
  bool is_below_target(std::size_t index) const;
  /// Values of the arguments before the first FROM and of the platforms.
  const BuildArguments& arguments() const { return arguments_; }

 private:
  Status add_platform_arguments(const GraphOptions& options);
  Status add_global_arguments(const pipeline::Dockerfile& file, pipeline::Span& where);
  Status add_stage(const pipeline::DockerStage& written);
  Status set_base(GraphStage& stage, const std::string& name);
  Status find_sources(std::size_t stage, GraphInstruction& instruction);
  Result<FileSource> find_source(std::size_t user, const std::string& from,
                                 const pipeline::Span& span);
  std::size_t image_stage(const std::string& image, const pipeline::Span& span);
  std::optional<std::size_t> stage_named(const std::string& name) const;
  Status choose_target(const std::string& name);
  Result<std::string> expand(const std::string& word) const;

  std::vector<GraphStage> stages_;
  BuildArguments arguments_;
  NamedValues named_contexts_;
  cachestore::Platform platform_;
  bool platform_given_ = false;
  char escape_ = '\\';
  std::size_t target_ = 0;
  std::size_t written_ = 0;  ///< Stages of the Dockerfile; those of images follow them.
};

}  // namespace slipway::runner
