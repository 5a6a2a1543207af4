// Stages, their bases and the sources of their instructions; which of them a target needs.
#include "runner/build/graph.h"

#include <algorithm>

#include "base/text.h"
#include "pipeline/dockerfile_values.h"

namespace slipway::runner {
namespace {

using cachestore::Platform;
using pipeline::Instruction;
using pipeline::InstructionKind;

constexpr std::string_view kImageContext = "docker-image://";
constexpr std::string_view kTargetContext = "target:";

void use(GraphStage& stage, std::size_t other) {
  if (std::find(stage.uses.begin(), stage.uses.end(), other) == stage.uses.end())
    stage.uses.push_back(other);
}

std::string no_such_stage(const std::string& name, const std::vector<GraphStage>& stages) {
  std::vector<std::string> names;
  for (const GraphStage& stage : stages) {
    if (!stage.name.empty()) names.push_back(stage.name);
  }
  std::string text = "find target " + printable(name) + ": no such stage";
  if (const auto near = did_you_mean(to_lower(name), names)) text += "; did you mean " + *near;
  return text;
}

/// Depth first, each stage after what it uses.
class NeedOrder {
 public:
  explicit NeedOrder(const std::vector<GraphStage>& stages)
      : stages_(stages), marks_(stages.size(), Mark::kNew) {}

  bool visit(std::size_t index) {
    if (marks_[index] == Mark::kDone) return true;
    if (marks_[index] == Mark::kOpen) {
      circle_ = index;
      return false;
    }
    marks_[index] = Mark::kOpen;
    for (const std::size_t other : stages_[index].uses) {
      if (!visit(other)) return false;
    }
    marks_[index] = Mark::kDone;
    order_.push_back(index);
    return true;
  }
  std::size_t circle() const { return circle_; }
  std::vector<std::size_t> take() { return std::move(order_); }

 private:
  enum class Mark { kNew, kOpen, kDone };
  const std::vector<GraphStage>& stages_;
  std::vector<Mark> marks_;
  std::vector<std::size_t> order_;
  std::size_t circle_ = 0;
};

}  // namespace

Result<StageGraph> StageGraph::make(const pipeline::Dockerfile& file, const GraphOptions& options,
                                    pipeline::Span& where) {
  StageGraph graph;
  graph.platform_ = options.platform;
  graph.platform_given_ = options.platform_given;
  graph.named_contexts_ = options.named_contexts;
  graph.escape_ = file.escape;
  graph.arguments_.given = options.build_args;
  SLIP_TRY(graph.add_platform_arguments(options));
  SLIP_TRY(graph.add_global_arguments(file, where));
  graph.written_ = file.stages.size();
  for (const pipeline::DockerStage& stage : file.stages) {
    where = stage.from.span;
    SLIP_TRY(graph.add_stage(stage));
  }
  for (std::size_t i = 0; i < graph.written_; ++i) {
    for (std::size_t j = 0; j < graph.stages_[i].instructions.size(); ++j) {
      // Sources may add stages, which moves the others: worked on by value.
      GraphInstruction one = std::move(graph.stages_[i].instructions[j]);
      where = one.instruction.span;
      const Status found = graph.find_sources(i, one);
      graph.stages_[i].instructions[j] = std::move(one);
      SLIP_TRY(Status(found));
    }
  }
  where = {};
  if (graph.stages_.size() == 1) graph.stages_[0].title.clear();
  SLIP_TRY(graph.choose_target(options.target));
  return graph;
}

// Spec: Dockerfile reference, "Automatic platform ARGs in the global scope".
Status StageGraph::add_platform_arguments(const GraphOptions& options) {
  const Platform host = Platform::host();
  const auto add = [this](const std::string& prefix, const Platform& platform) {
    NamedValues& global = arguments_.global;
    set_value(global, prefix + "PLATFORM", platform.str());
    set_value(global, prefix + "OS", platform.os);
    set_value(global, prefix + "OSVERSION", "");
    set_value(global, prefix + "ARCH", platform.architecture);
    set_value(global, prefix + "VARIANT", platform.variant);
  };
  add("BUILD", host);
  add("TARGET", options.platform);
  set_value(arguments_.global, "TARGETSTAGE",
            options.target.empty() ? "default" : to_lower(options.target));
  for (auto& [name, value] : arguments_.global) {
    if (const std::string* given = find_value(arguments_.given, name)) value = *given;
  }
  return {};
}

Status StageGraph::add_global_arguments(const pipeline::Dockerfile& file, pipeline::Span& where) {
  for (const Instruction& instruction : file.global_args) {
    where = instruction.span;
    for (const pipeline::Assignment& argument : instruction.assignments) {
      if (const std::string* given = find_value(arguments_.given, argument.name)) {
        set_value(arguments_.global, argument.name, *given);
      } else if (argument.value) {
        set_value(arguments_.global, argument.name, SLIP_TRY(expand(*argument.value)));
      }
    }
  }
  return {};
}

Result<std::string> StageGraph::expand(const std::string& word) const {
  return pipeline::expand_word(word, escape_, [this](std::string_view name) {
    const std::string* value = find_value(arguments_.global, name);
    return value == nullptr ? std::nullopt : std::optional<std::string>(*value);
  });
}

std::optional<std::size_t> StageGraph::stage_named(const std::string& name) const {
  const std::string wanted = to_lower(name);
  for (std::size_t i = std::min(stages_.size(), written_); i-- > 0;) {
    if (!stages_[i].name.empty() && stages_[i].name == wanted) return i;
  }
  return std::nullopt;
}

Status StageGraph::add_stage(const pipeline::DockerStage& written) {
  GraphStage stage;
  stage.name = written.from.stage_name;
  stage.title = stage.name.empty() ? "stage-" + std::to_string(stages_.size()) : stage.name;
  stage.span = written.from.span;
  stage.platform = platform_;
  stage.platform_given = platform_given_;
  const std::string word = written.from.words.empty() ? "" : written.from.words.front();
  const std::string base = SLIP_TRY(expand(word));
  if (base.empty()) {
    return fail(ErrorCode::kInvalid,
                "FROM " + printable(word) +
                    ": the name is empty after expansion; give its ARG a value "
                    "before the first FROM or with --build-arg");
  }
  if (const pipeline::InstructionFlag* flag = written.from.flag("platform")) {
    const std::string text = SLIP_TRY(expand(flag->value));
    stage.platform = SLIP_TRY_WITHIN("FROM --platform=" + flag->value, Platform::parse(text));
    stage.platform_given = true;
  }
  const bool replaced = !stage.name.empty() && find_value(named_contexts_, stage.name) != nullptr;
  SLIP_TRY(set_base(stage, replaced ? stage.name : base));
  if (stage.base == GraphStage::Base::kNamedContext) {
    // Files without an image: as if they were copied onto nothing.
    GraphInstruction all;
    all.instruction = SLIP_TRY(pipeline::parse_instruction("COPY . /"));
    all.instruction.span = stage.span;
    all.sources.push_back({FileSource::Kind::kNamedContext, 0, stage.base_name});
    stage.base = GraphStage::Base::kScratch;
    stage.instructions.push_back(std::move(all));
  }
  for (const Instruction& instruction : written.instructions) {
    // A stage that --build-context replaces is that context and nothing else.
    if (!replaced) stage.instructions.push_back({instruction, false, {}});
  }
  stages_.push_back(std::move(stage));
  return {};
}

Status StageGraph::set_base(GraphStage& stage, const std::string& name) {
  stage.base_name = name;
  if (const std::string* value = find_value(named_contexts_, name)) {
    if (value->starts_with(kImageContext)) {
      stage.base = GraphStage::Base::kImage;
      stage.base_name = value->substr(kImageContext.size());
      return {};
    }
    if (!value->starts_with(kTargetContext)) {
      stage.base = GraphStage::Base::kNamedContext;
      return {};
    }
    const auto other = stage_named(value->substr(kTargetContext.size()));
    if (!other) {
      return fail(ErrorCode::kNotFound, "build context " + printable(name) + ": " +
                                            printable(*value) + " names no earlier stage");
    }
    stage.base = GraphStage::Base::kStage;
    stage.base_stage = *other;
  } else if (name == "scratch") {
    stage.base = GraphStage::Base::kScratch;
    return {};
  } else if (const auto earlier = stage_named(name)) {
    stage.base = GraphStage::Base::kStage;
    stage.base_stage = *earlier;
  } else {
    stage.base = GraphStage::Base::kImage;
    return {};
  }
  if (!stage.platform_given || stage.platform == platform_)
    stage.platform = stages_[stage.base_stage].platform;
  use(stage, stage.base_stage);
  return {};
}

Status StageGraph::find_sources(std::size_t stage, GraphInstruction& one) {
  const Instruction& instruction = one.instruction;
  if (!one.sources.empty()) return {};
  std::vector<std::string> wanted;
  if (instruction.kind == InstructionKind::kCopy || instruction.kind == InstructionKind::kAdd) {
    const pipeline::InstructionFlag* from = instruction.flag("from");
    wanted.push_back(from == nullptr ? "" : from->value);
  } else if (instruction.kind == InstructionKind::kRun) {
    // The other values may hold variables; they are read again when those are known.
    const auto as_written = [](std::string_view word) { return Result<std::string>(word); };
    for (const std::string& text : instruction.flag_values("mount"))
      wanted.push_back(SLIP_TRY(pipeline::parse_run_mount(text, as_written)).from);
  }
  for (const std::string& from : wanted)
    one.sources.push_back(SLIP_TRY(find_source(stage, from, instruction.span)));
  return {};
}

Result<FileSource> StageGraph::find_source(std::size_t user, const std::string& from,
                                           const pipeline::Span& span) {
  if (from.empty() || from == "context") return FileSource{};
  if (from.find('$') != std::string::npos) {
    return fail(ErrorCode::kInvalid,
                "from=" + printable(from) +
                    ": variables are not expanded here; define a stage with `FROM " +
                    printable(from) + " AS name` and copy from that");
  }
  FileSource source;
  source.kind = FileSource::Kind::kStage;
  const auto number = parse_int(from);
  if (const auto named = stage_named(from)) {
    source.stage = *named;
  } else if (const std::string* value = find_value(named_contexts_, from);
             value != nullptr && !value->starts_with(kImageContext) &&
             !value->starts_with(kTargetContext)) {
    source.kind = FileSource::Kind::kNamedContext;
    source.name = from;
    return source;
  } else if (number) {
    if (*number < 0 || static_cast<std::size_t>(*number) >= written_)
      return fail(ErrorCode::kInvalid, "from=" + printable(from) + ": no stage has this number");
    source.stage = static_cast<std::size_t>(*number);
  } else {
    source.stage = image_stage(from, span);
  }
  if (stages_[source.stage].written && source.stage >= user) {
    return fail(ErrorCode::kInvalid, "from=" + printable(from) +
                                         ": the stage must be defined before the one that uses it");
  }
  use(stages_[user], source.stage);
  return source;
}

std::size_t StageGraph::image_stage(const std::string& image, const pipeline::Span& span) {
  for (std::size_t i = written_; i < stages_.size(); ++i) {
    if (stages_[i].base_name == image) return i;
  }
  GraphStage stage;
  stage.written = false;
  stage.platform = platform_;
  stage.platform_given = platform_given_;
  stage.span = span;
  stage.base_name = image;
  stage.base = GraphStage::Base::kImage;
  (void)set_base(stage,
                 image);  // Only a target: context can fail, and then the image is looked for.
  stages_.push_back(std::move(stage));
  return stages_.size() - 1;
}

Status StageGraph::add_triggers(std::size_t index, const std::vector<std::string>& on_build) {
  stages_[index].has_triggers = true;
  std::vector<GraphInstruction> added;
  for (const std::string& text : on_build) {
    GraphInstruction one;
    one.trigger = true;
    one.instruction =
        SLIP_TRY_WITHIN("ONBUILD trigger of the base image", pipeline::parse_instruction(text));
    one.instruction.span = stages_[index].span;
    SLIP_TRY(find_sources(index, one));
    added.push_back(std::move(one));
  }
  std::vector<GraphInstruction>& all = stages_[index].instructions;
  all.insert(all.begin(), std::make_move_iterator(added.begin()),
             std::make_move_iterator(added.end()));
  return {};
}

Result<std::vector<std::size_t>> StageGraph::needed(pipeline::Span& where) const {
  NeedOrder order(stages_);
  if (!order.visit(target_)) {
    where = stages_[order.circle()].span;
    return fail(ErrorCode::kInvalid,
                "order stages: stage " + stages_[order.circle()].title + " needs itself");
  }
  return order.take();
}

bool StageGraph::is_below_target(std::size_t index) const {
  std::size_t below = target_;
  while (below != index && stages_[below].base == GraphStage::Base::kStage)
    below = stages_[below].base_stage;
  return below == index;
}

Status StageGraph::choose_target(const std::string& name) {
  target_ = written_ - 1;
  if (name.empty()) return {};
  const auto named = stage_named(name);
  const auto number = parse_int(name);
  if (named) {
    target_ = *named;
  } else if (number && *number >= 0 && static_cast<std::size_t>(*number) < written_) {
    target_ = static_cast<std::size_t>(*number);
  } else {
    return fail(ErrorCode::kNotFound, no_such_stage(name, stages_));
  }
  return {};
}

}  // namespace slipway::runner
