#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/dockerfile/lint_rules.h"
#include "pipeline/dockerfile/stages.h"

namespace slipway::pipeline::dockerfile {

/// Which checks are on, and what they found.
class Findings {
 public:
  explicit Findings(const Dockerfile& file);
  /// For one instruction: `# check=skip=…` may stand in the comments before it.
  Findings for_instruction(const Instruction& instruction) const;
  void add(LintRule rule, const Span& span, std::string message) const;
  bool full() const;  ///< So many that nobody reads on.
  /// In order of lines.
  static std::vector<LintFinding> sorted(std::vector<LintFinding> findings);

  /// The list that add() fills; shared with those made by for_instruction().
  std::vector<LintFinding>& list() const { return *list_; }

 private:
  void skip(const std::vector<std::string>& names);
  void try_out(const std::vector<std::string>& names);

  bool skip_all_ = false;
  bool experimental_all_ = false;
  std::set<std::string, std::less<>> skipped_;
  std::set<std::string, std::less<>> experimental_;
  std::shared_ptr<std::vector<LintFinding>> list_;
};

/// Checks that need to know which variables have values: stage by stage, instruction by instruction.
class StageChecks {
 public:
  StageChecks(const Dockerfile& file, const CheckRequest& request, const GlobalScope& global,
              const StageLinks& links, const Findings& findings);
  void run();

 private:
  struct Scope {
    std::shared_ptr<Variables> variables = std::make_shared<Variables>();
    bool environment_known = false;
    bool shell_given = false;
    bool workdir_given = false;
    const Instruction* cmd = nullptr;
    const Instruction* entrypoint = nullptr;
    const Instruction* healthcheck = nullptr;
  };

  Scope scope_of(std::size_t stage) const;
  void check_from(std::size_t stage) const;
  void check_platform(const Instruction& from, const Findings& findings) const;
  void check(const Instruction& written, const Span& span, Scope& scope);
  void check_arg(const Instruction& arg, const Span& span, Scope& scope, const Findings& findings);
  void check_env(const Instruction& written, const Instruction& expanded, const Span& span,
                 Scope& scope, const Findings& findings);
  void check_command(const Instruction& instruction, const Instruction*& previous, Scope& scope,
                     const Span& span, const Findings& findings);
  void check_sources(const Instruction& instruction, const Span& span,
                     const Findings& findings) const;
  void check_expose(const Instruction& instruction, const Span& span,
                    const Findings& findings) const;
  void check_mounts(const Instruction& run, const Scope& scope,
                    std::vector<std::string>& unset) const;
  void report_unset(const std::vector<std::string>& names, const Scope& scope, const Span& span,
                    const Findings& findings) const;
  void report_undeclared(const std::vector<std::string>& names, const Span& span,
                         const Findings& findings) const;

  const Dockerfile& file_;
  const CheckRequest& request_;
  const GlobalScope& global_;
  const StageLinks& links_;
  const Findings& findings_;
  std::vector<Scope> scopes_;
};

std::string upper_case(std::string_view text);

}  // namespace slipway::pipeline::dockerfile
