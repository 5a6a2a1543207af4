#pragma once

#include <string>
#include <vector>

#include "pipeline/model/read.h"

namespace slipway::pipeline {

inline constexpr std::size_t kMaxInstances = 256;  ///< Of one job; as GitHub Actions.

struct Combination {
  Value values;       ///< Map, axes in their order.
  std::string label;  ///< "gcc, x86"
};

/// The instances of a job's `matrix:` map (`called` is the job's name, for messages). Exclude first, then include: an
/// include entry extends every combination whose axis values it does not contradict, else it is one of its own.
/// Empty after findings.
std::vector<Combination> expand_matrix(const yaml::Entry& matrix, Reader& reader);

}  // namespace slipway::pipeline
