#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/guarded.h"
#include "base/result.h"
#include "cachestore/store.h"
#include "pipeline/plan.h"
#include "runner/logs/transfer_progress.h"
#include "runner/registry/access.h"

namespace slipway::runner {

/// The image somebody wants to stand on.
struct ImageWish {
  std::string name;  ///< As written; "host" is this machine's own tools and never pulled.
  pipeline::PullPolicy pull = pipeline::PullPolicy::kMissing;
  std::string platform;              ///< "linux/arm64"; empty: this machine's.
  std::optional<MonoTime> deadline;  ///< kTimeout after it.
};

/// Brings images from registries when they are wanted. Thread-safe: whoever wants an image that another thread is
/// pulling waits for that pull; `always` pulls once in the life of this object.
class ImageSource {
 public:
  /// Both are borrowed.
  ImageSource(cachestore::Store& store, RegistryAccess& access) : store_(store), access_(access) {}

  /// Afterwards resolve_image() finds it. kNotFound: neither here nor at the registry (or `never`); everything else is
  /// the registry's or the network's trouble. `progress` may be null.
  Status ensure(const ImageWish& wish, TransferProgress* progress, const CancelToken& cancel);
  RegistryAccess& access() const { return access_; }

 private:
  struct Pull {
    CancelToken done;  ///< Fired at the end: something to poll for.
    Status status;     ///< Valid then.
  };
  Result<bool> is_here(const ImageWish& wish);
  Status pull(const ImageWish& wish, const cachestore::Reference& name, TransferProgress* progress,
              const CancelToken& cancel);

  cachestore::Store& store_;
  RegistryAccess& access_;
  Guarded<std::map<std::string, std::shared_ptr<Pull>>> pulls_;
};

/// `runner run`, `create`: ensure() with docker's "Unable to find image 'x:latest' locally". `pull` is the word of
/// --pull.
Status ensure_image(cachestore::Store& store, RegistryAccess& access, const std::string& name,
                    const std::string& pull, const std::string& platform,
                    TransferProgress& progress, const CancelToken& cancel);

}  // namespace slipway::runner
