#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace slipway::sandbox {

/// What enter_engine_namespaces() found and made.
struct EngineNamespaces {
  bool privileged = false;  ///< Root of the machine, not of a user namespace.
  std::vector<std::string> notices;
};
/// kInternal before enter_engine_namespaces() succeeded.
Result<EngineNamespaces> engine_namespaces();

/// For a process started by one that has entered its namespaces as an ordinary user: it is in that user namespace
/// already and only takes a mount namespace of its own.
Status adopt_engine_namespaces();

}  // namespace slipway::sandbox
