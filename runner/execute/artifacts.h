#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "runner/execute/run_context.h"
#include "runner/execute/stacks.h"

namespace slipway::runner {

/// The workspace as its stack shows it, read-only.
Result<Fd> open_workspace(const Stack& work);
/// Files and links below `directory` that globs take, by path relative to it; `.git` is left out.
Result<std::vector<std::string>> find_files(int directory, const std::vector<std::string>& paths,
                                            const std::vector<std::string>& exclude);

/// Patterns as people write them ("./dist/") as globs take them.
std::vector<std::string> without_dot_slash(std::vector<std::string> patterns);

/// Collects what `artifacts.paths` names from the workspace stack into a snapshot of its own; its id, or empty when
/// nothing matched (a warning is emitted). Other jobs get it by a mount above their checkout.
Result<std::string> collect_artifacts(const RunContext& run, const pipeline::JobPlan& job,
                                      const Stack& work);

/// --artifacts DIR: copies a job's artifacts to DIR/<job>/, replacing what an earlier run left there.
Status place_artifacts(const RunContext& run, const std::string& job,
                       const std::string& snapshot_id);

/// A job's name as one harmless path component.
std::string job_directory_name(const std::string& job);

}  // namespace slipway::runner
