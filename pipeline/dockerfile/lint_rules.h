#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::pipeline::dockerfile {

enum class LintRule {
  kConsistentInstructionCasing,
  kCopyIgnoredFile,
  kDuplicateStageName,
  kExposeInvalidFormat,
  kExposeProtoCasing,
  kFromAsCasing,
  kFromPlatformFlagConstDisallowed,
  kInvalidDefaultArgInFrom,
  kInvalidDefinitionDescription,
  kJsonArgsRecommended,
  kLegacyKeyValueFormat,
  kMaintainerDeprecated,
  kMultipleInstructionsDisallowed,
  kNoEmptyContinuation,
  kRedundantTargetPlatform,
  kReservedStageName,
  kSecretsUsedInArgOrEnv,
  kStageNameCasing,
  kUndefinedArgInFrom,
  kUndefinedVar,
  kWorkdirRelativePath
};

struct LintRuleText {
  LintRule rule;
  std::string_view name;
  std::string_view page;  ///< Last part of the address of its page.
  std::string_view description;
  std::string_view help;
  bool experimental = false;  ///< Only when asked for.
};
const LintRuleText& lint_rule_text(LintRule rule);
const std::vector<LintRuleText>& lint_rule_texts();

/// "DB_PASSWORD"; not "PASSWORD_FILE".
bool looks_secret(std::string_view name);
bool is_image_reference(std::string_view text);
constexpr std::size_t kMaxCompared = 500;  // names that one name is compared with
/// The nearest of `names`, if it is near and not the word itself; or empty. Plain Levenshtein, as the reference has it.
std::string nearest_name(std::string_view word, const std::vector<std::string>& names);

}  // namespace slipway::pipeline::dockerfile
