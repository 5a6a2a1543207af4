#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/result.h"
#include "cachestore/store.h"
#include "cachestore/transfer.h"
#include "pipeline/dockerfile_checks.h"
#include "runner/build/context.h"
#include "runner/execute/images.h"
#include "sandbox/engine.h"
#include "sandbox/networks.h"

namespace slipway::runner {

/// Building images: `runner build`, the `build:` step of a pipeline and (later) POST /build are this call.

struct BuildSecret {
  std::string id;
  std::string value;
};
struct CacheEndpoint {
  std::string type;                                             ///< registry | local | inline
  std::vector<std::pair<std::string, std::string>> attributes;  ///< ref, dest, src, mode, …
};
struct BuildOutput {
  std::string type = "image";  ///< image | registry | oci | docker | local | tar | cacheonly
  std::string dest;            ///< Path, or "-" for `out_fd`.
  std::vector<std::pair<std::string, std::string>>
      attributes;  ///< name, push, compression, annotation.…
};

struct BuildRequest {
  ContextRequest context;
  std::vector<std::pair<std::string, std::string>> named_contexts;
  std::vector<std::string> tags;
  std::string target;
  std::vector<std::pair<std::string, std::string>>
      args;  ///< NAME alone was looked up by the caller.
  std::vector<std::pair<std::string, std::string>> labels;
  std::vector<std::pair<std::string, std::string>> annotations;
  std::vector<cachestore::Platform> platforms;  ///< Empty: this machine's. Several: an index.
  std::vector<BuildSecret> secrets;
  std::vector<std::pair<std::string, std::string>> ssh;  ///< id -> agent socket.
  std::vector<std::pair<std::string, std::string>> extra_hosts;
  std::string network = "default";  ///< default | none | host
  bool allow_host_network = false;
  bool allow_insecure = false;
  bool no_cache = false;
  std::vector<std::string> no_cache_stages;
  bool pull = false;
  std::vector<CacheEndpoint> cache_from, cache_to;
  std::vector<BuildOutput> outputs;  ///< Empty: the image store.
  std::optional<std::string> source_date_epoch;
  bool rewrite_timestamps = true;
  bool sbom = false;
  std::string provenance;  ///< "", "min", "max"
  sandbox::Limits limits;
  ByteCount shm_size = 64_MiB;
  std::vector<sandbox::Isolation::Ulimit> ulimits;
  std::string cgroup_parent;
  int out_fd = -1;  ///< For outputs to "-". Borrowed.
};

/// What a build says while it runs; calls come from several threads, never two at once.
enum class VertexState { kWaiting, kRunning, kCached, kDone, kFailed, kCancelled };
struct BuildVertex {
  std::size_t id = 0;
  std::string name;  ///< "[build 2/5] RUN make", as BuildKit shows it.
  std::string stage;
  VertexState state = VertexState::kWaiting;
  double seconds = 0;
  std::string error;
};
class BuildObserver {
 public:
  virtual ~BuildObserver() = default;
  virtual void vertex(const BuildVertex& vertex) = 0;
  virtual void output(std::size_t vertex, int stream,
                      std::string_view bytes) = 0;  ///< 1, 2; secrets masked.
  virtual void progress(std::size_t vertex, const std::string& what, std::uint64_t done,
                        std::uint64_t total) = 0;
  virtual void warning(const pipeline::LintFinding& finding) = 0;
  virtual void note(const std::string& text) = 0;
};

struct BuildPlace {  ///< What a build works with; borrowed.
  cachestore::Store& store;
  sandbox::Engine& engine;
  ImageSource& images;
  sandbox::Networks* networks =
      nullptr;  ///< Null: RUN sees loopback only, and the observer is told why.
  std::string state_dir;
};

struct BuiltImage {
  cachestore::Image image;
  cachestore::Platform platform;
};
/// A build that failed because of its Dockerfile, context or a command: the file's place and what to do.
struct BuildFailure {
  std::vector<pipeline::Diagnostic> diagnostics;  ///< With excerpt; at least one.
  pipeline::SourceSet sources;
  int exit_code = 1;                    ///< Of the command, else 1.
  std::vector<std::string> last_lines;  ///< Of the command's output, masked; at most 20.
  std::string debug_target;  ///< For `runner debug …`; empty when there is nothing to look at.
};
struct BuildResult {
  std::vector<BuiltImage> images;  ///< One a platform; empty for cacheonly or on failure.
  std::optional<Digest> digest;    ///< Of the manifest or index that was pushed or exported.
  std::optional<BuildFailure> failure;
  Json
      metadata;  ///< For --metadata-file: containerimage.digest, containerimage.config.digest, image.name, …
  std::size_t steps = 0;
  std::size_t cached = 0;
};
/// An Error is the engine's trouble; a failed build is a value.
Result<BuildResult> build(const BuildPlace& place, const BuildRequest& request,
                          BuildObserver& observer, const CancelToken& cancel);

/// Why a step of this Dockerfile was not taken from the cache: the first input that differs from the nearest record.
Result<std::string> explain_miss(cachestore::Store& store, const std::string& debug_target);

}  // namespace slipway::runner
