#pragma once

#include <string>

namespace slipway::pipeline {

/// JSON Schema (draft 2020-12) of the native pipeline file, made from the same tables the checker walks, so that
/// editors complete and underline what `runner check` knows. configs/pipeline.schema.json is its output.
/// Quoted numbers and bools aside it accepts what check accepts; conflicts between keys are check's business.
std::string json_schema();

}  // namespace slipway::pipeline
