#pragma once

#include <memory>
#include <string>

#include "base/cancel.h"
#include "cachestore/registry.h"
#include "cachestore/store.h"
#include "runner/cli/image_session.h"
#include "runner/cli/invocation.h"
#include "runner/cli/signals.h"
#include "runner/logs/transfer_progress.h"
#include "runner/registry/access.h"

namespace slipway::runner {

/// What a command that talks to registries has in its hands: the progress, Ctrl-C, the way to registries. Make it
/// before the store is opened: it notes the person's own variables and user id.
class RegistrySession {
 public:
  explicit RegistrySession(const Invocation& invocation);

  Result<std::shared_ptr<cachestore::Registry>> registry() { return access_->get(); }
  RegistryAccess& access() { return *access_; }
  TransferProgress& progress() { return *progress_; }
  const CancelToken& cancel() const { return cancel_; }

 private:
  CancelToken cancel_;
  CancelOnSignal on_signal_;
  std::unique_ptr<TransferProgress> progress_;
  std::unique_ptr<RegistryAccess> access_;
};

/// The exit code; an error is reported with what usually helps.
int finish_registry_command(const Status& status, const Invocation& invocation);

/// True for "debian" and "localhost:5000/x": neither tag nor digest is written.
bool has_default_tag(const std::string& name);

}  // namespace slipway::runner
