#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "pipeline/expression.h"
#include "pipeline/value.h"

namespace slipway::runner {

/// The settings of build and artifact steps: checked for shape by the compiler, evaluated here. `name` is for messages
/// ("artifact.push"). A null value is empty.
Result<std::string> setting_text(const pipeline::Value* value, const std::string& name,
                                 const pipeline::EvalContext& context);
/// One text or a list of them.
Result<std::vector<std::string>> setting_texts(const pipeline::Value* value,
                                               const std::string& name,
                                               const pipeline::EvalContext& context);
/// A map, in its order.
Result<std::vector<std::pair<std::string, std::string>>> setting_pairs(
    const pipeline::Value* value, const std::string& name, const pipeline::EvalContext& context);

}  // namespace slipway::runner
