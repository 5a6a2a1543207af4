#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipeline/dockerfile.h"

namespace slipway::pipeline::dockerfile {

/// What stands behind an instruction's keyword.
enum class Shape {
  kList,     ///< `["a", "b"]` or words between blanks
  kWords,    ///< words between blanks
  kText,     ///< one text to the end of the line
  kCommand,  ///< `["a", "b"]` or a shell line
  kPairs,    ///< `name=value…` or `name value`
  kArgs,     ///< `name[=value]…`
  kFrom,
  kHealthcheck,
  kOnbuild
};

enum class FlagKind {
  kOne,   ///< `--chown=a`, once
  kMany,  ///< `--exclude=a --exclude=b`
  kBool   ///< `--link`, `--link=false`
};
struct FlagRule {
  std::string_view name;
  FlagKind kind = FlagKind::kOne;
};

struct Rule {
  std::string_view name;  ///< Upper case.
  InstructionKind kind = InstructionKind::kRun;
  Shape shape = Shape::kText;
  std::vector<FlagRule> flags;
  bool heredocs = false;
};

/// Of a keyword in any case, or nullptr.
const Rule* find_rule(std::string_view keyword);
std::vector<std::string> instruction_names();
const FlagRule* find_flag(const Rule& rule, std::string_view name);

}  // namespace slipway::pipeline::dockerfile
