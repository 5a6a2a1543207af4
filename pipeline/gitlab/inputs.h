#pragma once

#include <map>
#include <string>
#include <vector>

#include "pipeline/diagnostic.h"
#include "pipeline/variables.h"
#include "pipeline/yaml/node.h"

/// `spec:inputs` of a file's header, and `$[[ inputs.NAME | function ]]` in the file below it.
namespace slipway::pipeline::gitlab {

/// Name -> a scalar with its type, or a list.
using Inputs = std::map<std::string, yaml::Node, std::less<>>;

/// What every declared input comes to. Findings: unknown, missing, wrong type, not among the options, not matching.
/// `given` is the `inputs:` of who brings the file (nullptr: none), `where` the place to blame for what is missing.
Inputs resolve_inputs(const yaml::Node& header, const yaml::Node* given, Span where,
                      std::vector<Diagnostic>& out);

/// Replaces every `$[[ … ]]` in keys and values. A value that is one interpolation keeps the input's type.
void interpolate(yaml::Node& root, const Inputs& inputs, const VariableLookup& lookup,
                 std::vector<Diagnostic>& out);

}  // namespace slipway::pipeline::gitlab
