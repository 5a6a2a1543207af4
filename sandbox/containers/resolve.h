#pragma once

#include "base/result.h"
#include "cachestore/store.h"
#include "sandbox/containers/record.h"

namespace slipway::sandbox {

/// What an image's files are and what it says about running them.
struct ImageParts {
  cachestore::ImageConfig config;
  std::string id;  ///< "sha256:…", "" for the machine's own tools.
  bool host_tools = false;
  std::vector<cachestore::Snapshot> snapshots;  ///< Bottom first, never empty.
};
Result<ImageParts> find_image(cachestore::Store& store, const std::string& name);

/// Fills in all of a record that follows from its config and its image, as docker merges them: command, environment,
/// directory, user, labels, health check, stop signal. kInvalid when neither gives a command or a value is wrong.
Status resolve(Record& record, const ImageParts& image);

/// Number of "SIGQUIT", "QUIT" or "3"; kInvalid for a name nobody knows. SIGTERM for "".
Result<int> signal_number(const std::string& name);
std::string signal_name(int signal);  ///< "SIGTERM"; the number of one without a name.

}  // namespace slipway::sandbox
