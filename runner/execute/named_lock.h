#pragma once

#include <functional>
#include <string>

#include "base/cancel.h"
#include "base/fd.h"
#include "base/result.h"

namespace slipway::runner {

/// A lock that one run at a time holds, among all runs of a state directory: concurrency groups and jobs' `lock`. It
/// ends with its process, however that ends.
class NamedLock {
 public:
  NamedLock() = default;
  struct Request {
    std::string store_root;
    std::string kind;  ///< "group" or "job": names of different kinds never meet.
    std::string name;
    std::string run_id;
  };
  /// Who holds it now.
  struct Holder {
    std::string run_id;
    int pid = 0;
    std::string started;  ///< Of the process, as /proc says it.
  };
  /// Blocks; `waiting` is called once when somebody else has it. kCancelled when `cancel` came first.
  static Result<NamedLock> acquire(const Request& request, const CancelToken& cancel,
                                   const std::function<void(const Holder&)>& waiting);

 private:
  Fd fd_;
};

/// Ctrl-C for another run of the same machine; nothing happens when its process is not that one any more.
void interrupt(const NamedLock::Holder& holder);

}  // namespace slipway::runner
