#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipeline/compile.h"
#include "pipeline/variables.h"

namespace slipway::pipeline {

/// The front-end for `.gitlab-ci.yml`: the same plan from GitLab's language. docs/gitlab.md says what it takes.

/// An entry of `include:` that is to be read. Paths begin without a slash.
struct GitlabInclude {
  enum class Kind { kLocal, kProject, kRemote, kTemplate, kComponent };
  Kind kind = Kind::kLocal;
  std::string
      location;  ///< Path (kLocal: with `*` and `**`), URL, template's name, or component's address.
  std::string project;    ///< kProject: "group/project".
  std::string ref;        ///< kProject, kComponent: branch, tag, commit or version; may be empty.
  std::string integrity;  ///< kRemote: "sha256-<base64>"; may be empty.
};

/// What GitLab would know about the project.
struct GitlabProject {
  std::string path = "local/project";  ///< "group/project"
  std::string url;                     ///< "https://gitlab.example.com/group/project"
  std::string default_branch = "main";
  bool ref_protected = false;
};

/// What GitLab would know about the commit and the person, for the predefined variables.
struct GitlabFacts {
  std::string title;      ///< First line of the commit's message.
  std::string message;    ///< All of it.
  std::string author;     ///< "Name <mail>"
  std::string timestamp;  ///< Of the commit, ISO 8601.
  std::string before_sha;
  std::string created_at;  ///< Of the pipeline, ISO 8601.
  long long pipeline_id = 1;
  long long first_job_id = 1;
};

struct GitlabRequest {
  SourceFile file;
  Event event;
  std::string source;  ///< CI_PIPELINE_SOURCE; empty: what event.name corresponds to.
  GitlabProject project;
  GitlabFacts facts;
  /// Given from outside: instance, group and project variables, and those of this run.
  std::vector<VariablePlan> variables;
  /// The files an entry names, in order; several only for a local path with stars. kNotFound: there are none.
  std::function<Result<std::vector<SourceFile>>(const GitlabInclude&)> include;
  /// Whether a file of the checkout matches one of these globs (`*`, `?`, `[…]`, `**/`).
  std::function<Result<bool>(const std::vector<std::string>& globs)> exists;
  /// Paths that differ from a ref, for `changes: compare_to`.
  std::function<Result<std::vector<std::string>>(const std::string& ref)> changed_since;
};

/// Text -> validated plan: YAML, includes with inputs, extends, !reference, shapes, rules, matrices, needs. Pure but
/// for the request's functions. Bounds: 1 MiB a file, depth 64, 200,000 values after aliases, 150 includes, 1,000 jobs.
Compiled compile_gitlab(const GitlabRequest& request);

/// `runner convert`: the same jobs as a native pipeline file, with a comment wherever the meaning differs.
std::string convert_gitlab(const Plan& plan, const SourceSet& sources);

}  // namespace slipway::pipeline
