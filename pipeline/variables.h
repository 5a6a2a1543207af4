#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/plan.h"

namespace slipway::pipeline {

/// Looks a variable up; nullopt when it is not set.
using VariableLookup = std::function<std::optional<std::string>(std::string_view name)>;
enum class Unset { kKeep, kEmpty };

/// `$NAME`, `${NAME}` and `%NAME%` by their values, `$$` by `$`; values are not looked into again.
/// Spec: docs.gitlab.com/ci/variables/where_variables_can_be_used
std::string expand_variables(std::string_view text, const VariableLookup& lookup, Unset unset);

/// What a job's variables come to: one entry a name, the strongest; values with the others put in. A variable that
/// refers to itself, directly or not, keeps that reference as text. A file variable that another one names stands for
/// its path below `file_dir`.
std::vector<VariablePlan> resolve_variables(std::vector<VariablePlan> variables,
                                            const std::string& file_dir);

/// The job as it is to be run, with `late` (what dotenv reports of its needs brought, what only the run knows) at their
/// level: `env` is one layer of literals, `files` has the file variables below `<workspace>.tmp`, and image, services,
/// caches, artifacts, environment and lock have no `$NAME` any more. A native plan's job comes back as it is.
JobPlan settle_variables(const Plan& plan, const JobPlan& job,
                         const std::vector<VariablePlan>& late);

/// NAME=value lines of a dotenv report as variables. The error names the line: more than 5 KiB, more than 150 names, a
/// bad name, no equals sign. Spec: docs.gitlab.com/ci/yaml/artifacts_reports, dotenv.
Result<std::vector<VariablePlan>> parse_dotenv(std::string_view text);

}  // namespace slipway::pipeline
