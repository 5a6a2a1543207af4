#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipeline/dockerfile_checks.h"

namespace slipway::pipeline::dockerfile {

/// Variables of a scope, above those of the scope it began with. Scopes share what they inherit: a file may have
/// thousands of stages with thousands of variables.
class Variables {
 public:
  Variables() = default;
  explicit Variables(std::shared_ptr<const Variables> inherited)
      : inherited_(std::move(inherited)) {}

  const std::string* find(std::string_view name) const;  ///< nullptr: has no value.
  void set(std::string_view name, std::string value);
  /// ARG without a value: known, but not set.
  void declare(std::string_view name) { own_.try_emplace(std::string(name)); }
  bool declared(std::string_view name) const;
  /// Of those that have a value; the first `limit`.
  std::vector<std::string> names(std::size_t limit) const;
  VariableLookup lookup() const;  ///< Borrows this.

 private:
  std::shared_ptr<const Variables> inherited_;
  std::map<std::string, std::optional<std::string>, std::less<>> own_;
};

/// A word with the names it used.
struct UsedWord {
  std::string text;
  std::set<std::string> set;
  std::vector<std::string> unset;
};
Result<UsedWord> expand_used(std::string_view word, char escape, const Variables& variables);

/// BUILDPLATFORM and the like.
Variables platform_arguments(const CheckRequest& request);

struct GlobalArgument {
  std::string name;
  std::optional<std::string> value;
  std::set<std::string> needs;  ///< Arguments its default is made of.
  const Instruction* instruction = nullptr;
};
struct GlobalScope {
  Variables variables;
  std::vector<GlobalArgument> arguments;
};
/// The arguments before the first FROM; `given`: with values of the request.
enum class Given { kNo, kYes };
GlobalScope global_scope(const Dockerfile& file, const CheckRequest& request, Given given);

/// How stages hang together, by index. `bases[i]`: the stage that FROM of stage i names; nothing: an image.
struct StageLinks {
  std::vector<UsedWord> base_names;
  std::vector<std::optional<std::size_t>> bases;
  std::vector<std::set<std::size_t>> uses;  ///< By COPY --from and mounts.
};
StageLinks link_stages(const Dockerfile& file, const Variables& variables);
std::optional<std::size_t> stage_named(const Dockerfile& file, std::string_view name,
                                       std::size_t end);
/// The stages that building one of them needs, itself included.
std::set<std::size_t> needed_stages(const StageLinks& links, std::size_t target);
/// Of the request, or the last; nothing when there is none of that name.
std::optional<std::size_t> target_stage(const Dockerfile& file, const CheckRequest& request);

/// `# name description` among the comments before an ARG or FROM.
std::string description_of(const Instruction& instruction, std::string_view name);

}  // namespace slipway::pipeline::dockerfile
