#pragma once

#include <string>

#include "pipeline/gitlab.h"
#include "runner/execute/exec.h"

namespace slipway::runner {

/// `.gitlab-ci.yml`, `ci/build.gitlab-ci.yml`, …: files in GitLab's language.
bool is_gitlab_file(const std::string& path);

/// The request for a file in GitLab's language: project and commit from the checkout, variables from the options,
/// includes from the checkout and from the folders of docs/gitlab.md. `state` outlives it.
Result<pipeline::GitlabRequest> gitlab_request(const ExecOptions& options, const SourceState& state,
                                               pipeline::SourceFile file, pipeline::Event event);

}  // namespace slipway::runner
