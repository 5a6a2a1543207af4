// The table of checks, and the questions about single words that they ask.
// Spec: docker's documentation, "Build checks"; distribution's grammar of image references.
#include "pipeline/dockerfile/lint_rules.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>

namespace slipway::pipeline::dockerfile {
namespace {

constexpr std::size_t kMaxName = 128;  // longer names are not compared: nobody types them
constexpr std::size_t kFar = 3;        // two changes are a slip, three another word

bool found(std::string_view text, const RE2& regex) {
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), regex);
}

/// Levenshtein's distance, as far as it is below kFar.
std::size_t distance(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty() && a.front() == b.front()) a.remove_prefix(1), b.remove_prefix(1);
  while (!a.empty() && !b.empty() && a.back() == b.back()) a.remove_suffix(1), b.remove_suffix(1);
  if (a.size() < b.size()) std::swap(a, b);
  if (a.size() - b.size() >= kFar) return kFar;
  std::array<std::size_t, kMaxName + 1> row{};
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    std::size_t least = row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
      least = std::min(least, row[j]);
    }
    if (least >= kFar) return kFar;  // it never falls again
  }
  return row[b.size()];
}

}  // namespace

const std::vector<LintRuleText>& lint_rule_texts() {
  using R = LintRule;
  static const std::vector<LintRuleText> table = {
      {R::kConsistentInstructionCasing, "ConsistentInstructionCasing",
       "consistent-instruction-casing",
       "All commands within the Dockerfile should use the same casing (either upper or lower)",
       "write it as the others are written"},
      {R::kCopyIgnoredFile, "CopyIgnoredFile", "copy-ignored-file",
       "Attempting to Copy file that is excluded by .dockerignore",
       "take the file back with a line !NAME in .dockerignore, or do not copy it"},
      {R::kDuplicateStageName, "DuplicateStageName", "duplicate-stage-name",
       "Stage names should be unique", "give one of them another name"},
      {R::kExposeInvalidFormat, "ExposeInvalidFormat", "expose-invalid-format",
       "IP address and host-port mapping should not be used in EXPOSE instruction. This will "
       "become an error in a future release",
       "write the container's port alone; ports are published when a container is run"},
      {R::kExposeProtoCasing, "ExposeProtoCasing", "expose-proto-casing",
       "Protocol in EXPOSE instruction should be lowercase", "write tcp, udp or sctp"},
      {R::kFromAsCasing, "FromAsCasing", "from-as-casing",
       "The 'as' keyword should match the case of the 'from' keyword",
       "write FROM ... AS or from ... as"},
      {R::kFromPlatformFlagConstDisallowed, "FromPlatformFlagConstDisallowed",
       "from-platform-flag-const-disallowed",
       "FROM --platform flag should not use a constant value",
       "leave the flag out, or use $BUILDPLATFORM or an argument"},
      {R::kInvalidDefaultArgInFrom, "InvalidDefaultArgInFrom", "invalid-default-arg-in-from",
       "Default value for global ARG results in an empty or invalid base image name",
       "give the argument a default, as in ARG VERSION=latest"},
      {R::kInvalidDefinitionDescription, "InvalidDefinitionDescription",
       "invalid-definition-description",
       "Comment for build stage or argument should follow the format: `# <arg/stage name> "
       "<description>`. If this is not intended to be a description comment, add an empty line "
       "or comment between the instruction and the comment.",
       "begin the comment with the name, or put a line # behind it", true},
      {R::kJsonArgsRecommended, "JSONArgsRecommended", "json-args-recommended",
       "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to "
       "OS signals",
       "write [\"program\", \"argument\"], so that signals reach the program and not a shell"},
      {R::kLegacyKeyValueFormat, "LegacyKeyValueFormat", "legacy-key-value-format",
       "Legacy key/value format with whitespace separator should not be used", "write name=value"},
      {R::kMaintainerDeprecated, "MaintainerDeprecated", "maintainer-deprecated",
       "The MAINTAINER instruction is deprecated, use a label instead to define an image author",
       "write LABEL org.opencontainers.image.authors=\"...\""},
      {R::kMultipleInstructionsDisallowed, "MultipleInstructionsDisallowed",
       "multiple-instructions-disallowed",
       "Multiple instructions of the same type should not be used in the same stage",
       "remove this one"},
      {R::kNoEmptyContinuation, "NoEmptyContinuation", "no-empty-continuation",
       "Empty continuation lines will become errors in a future release",
       "remove the empty line, or make it a comment"},
      {R::kRedundantTargetPlatform, "RedundantTargetPlatform", "redundant-target-platform",
       "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the "
       "default behavior",
       "leave the flag out"},
      {R::kReservedStageName, "ReservedStageName", "reserved-stage-name",
       "Reserved words should not be used as stage names", "give the stage another name"},
      {R::kSecretsUsedInArgOrEnv, "SecretsUsedInArgOrEnv", "secrets-used-in-arg-or-env",
       "Sensitive data should not be used in the ARG or ENV commands",
       "use RUN --mount=type=secret: arguments and variables stay in the image"},
      {R::kStageNameCasing, "StageNameCasing", "stage-name-casing",
       "Stage names should be lowercase", "write the name in small letters"},
      {R::kUndefinedArgInFrom, "UndefinedArgInFrom", "undefined-arg-in-from",
       "FROM command must use declared ARGs", "declare it with ARG before the first FROM"},
      {R::kUndefinedVar, "UndefinedVar", "undefined-var",
       "Variables should be defined before their use", "declare it with ARG or ENV in this stage"},
      {R::kWorkdirRelativePath, "WorkdirRelativePath", "workdir-relative-path",
       "Relative workdir without an absolute workdir declared within the build can have "
       "unexpected results if the base image changes",
       "write an absolute path"},
  };
  return table;
}

const LintRuleText& lint_rule_text(LintRule rule) {
  return lint_rule_texts()[static_cast<std::size_t>(rule)];
}

bool looks_secret(std::string_view name) {
  static const RE2 deny(
      "(?i)(?:_|^)(?:apikey|auth|credential|credentials|key|password|pword|passwd|secret|token)"
      "(?:_|$)");
  static const RE2 allow("(?i)(?:_|^)(?:public|file|version)(?:_|$)");
  return found(name, deny) && !found(name, allow);
}

bool is_image_reference(std::string_view text) {
  static const RE2 reference(
      "(?:(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
      "(?:\\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\\[[a-fA-F0-9:]+\\])"
      "(?::[0-9]+)?/)?"
      "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*)*"
      "(?::[\\w][\\w.-]{0,127})?"
      "(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,})?");
  static const RE2 identifier("[a-f0-9]{64}");  // would name an image by its id
  const re2::StringPiece piece(text.data(), text.size());
  return RE2::FullMatch(piece, reference) && !RE2::FullMatch(piece, identifier);
}

std::string nearest_name(std::string_view word, const std::vector<std::string>& names) {
  std::string out;
  std::size_t best = kFar;
  if (word.size() > kMaxName) return out;
  for (std::size_t i = 0; i < std::min(names.size(), kMaxCompared); ++i) {
    if (names[i] == word) return "";
    if (names[i].size() > kMaxName) continue;
    const std::size_t changes = distance(word, names[i]);
    if (changes >= best) continue;
    best = changes;
    out = names[i];
  }
  return out;
}

}  // namespace slipway::pipeline::dockerfile
