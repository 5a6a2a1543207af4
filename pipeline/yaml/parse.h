#pragma once

#include <optional>
#include <vector>

#include "pipeline/diagnostic.h"
#include "pipeline/yaml/node.h"

namespace slipway::pipeline::yaml {

/// What one file may hold. The figures are part of the language (docs), not of this machine.
inline constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;
inline constexpr int kMaxDepth = 64;
inline constexpr int kMaxNodes = 10'000;
/// Text after aliases: each alias copies, and 10,000 copies of a long script must not fill the memory.
inline constexpr std::size_t kMaxAliasedBytes = std::size_t{8} << 20;

/// What another language than the native one lets pass.
enum class Duplicates { kError, kLastWins };
enum class Tags { kNone, kReference };
struct Options {
  Duplicates duplicates = Duplicates::kError;  ///< kLastWins: a warning.
  Tags tags = Tags::kNone;
  std::size_t documents = 1;  ///< At most.
  int max_nodes = kMaxNodes;
  std::size_t max_aliased_bytes = kMaxAliasedBytes;
};

/// Reads sources[file] in one strict pass. Findings go to `out`; nullopt when there is no tree to go on with
/// (bad syntax, a limit, several documents). Duplicate keys and tags are reported and the reading goes on.
/// An empty file is a null node.
std::optional<Node> parse(const SourceSet& sources, int file, std::vector<Diagnostic>& out);
/// The same for another language, document by document; an empty list when there is nothing to go on with.
std::vector<Node> parse_documents(const SourceSet& sources, int file, const Options& options,
                                  std::vector<Diagnostic>& out);

}  // namespace slipway::pipeline::yaml
