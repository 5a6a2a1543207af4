#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/result.h"
#include "cachestore/registry.h"
#include "runner/engine_world.h"

namespace slipway::runner {

/// A build as docker's API asks for it. Docker API: POST /build.
struct ImageBuild {
  int context_fd = -1;     ///< A tar of any compression. Borrowed.
  std::string remote;      ///< Or: a git URL, or that of a tarball.
  std::string dockerfile;  ///< Its path in the context; empty: Dockerfile.
  std::vector<std::string> tags;
  std::vector<std::pair<std::string, std::string>> args, labels;
  std::vector<std::pair<std::string, std::string>> extra_hosts;
  std::string target;
  std::string platform;
  std::string network;  ///< default | none | host (refused)
  bool no_cache = false;
  bool pull = false;
  std::uint64_t memory = 0, shm_size = 0;  ///< Bytes; 0: not asked for.
  std::shared_ptr<cachestore::CredentialSource> accounts;
};
struct ImageBuilt {
  std::string id;     ///< "sha256:…"; empty when the build failed.
  std::string error;  ///< Why it failed: the Dockerfile's excerpt and what to do.
  int exit_code = 1;  ///< Of the command that failed, else 1.
};
/// `say` gets text for people, a line or a piece of one at a time, never two at once. An Error is the engine's trouble.
Result<ImageBuilt> build_image(const EngineWorld& world, const ImageBuild& wanted,
                               const std::function<void(std::string_view text)>& say,
                               const CancelToken& cancel);

}  // namespace slipway::runner
