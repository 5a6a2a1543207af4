#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pipeline/gitlab.h"
#include "pipeline/yaml/node.h"

namespace slipway::pipeline::gitlab {

/// All files of a pipeline as one tree: headers answered, includes merged (the including file wins), `extends` and
/// `!reference` resolved. `facts` answers `$NAME` in includes, `rules` of includes see the same.
std::optional<yaml::Node> load(const GitlabRequest& request, const VariableLookup& facts,
                               SourceSet& sources, std::vector<Diagnostic>& out);

/// Templates below jobs. Spec: docs.gitlab.com/ci/yaml, extends.
void resolve_extends(yaml::Node& root, std::vector<Diagnostic>& out);
/// `!reference [job, key, …]` by what stands there. Spec: docs.gitlab.com/ci/yaml/yaml_optimization, reference tags.
void resolve_references(yaml::Node& root, std::vector<Diagnostic>& out);

}  // namespace slipway::pipeline::gitlab
