#pragma once

#include <functional>
#include <string>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/result.h"
#include "runner/source/frames.h"
#include "runner/source/git_api.h"

namespace slipway::runner {

/// What a reading child may take.
struct GitChildLimits {
  std::chrono::milliseconds stall = std::chrono::seconds(60);  ///< Without any answer.
  std::chrono::milliseconds total = std::chrono::minutes(15);
  /// Not empty: a child that fetches. It may write below this directory (absolute), and knows TLS.
  std::string writable;
  std::uint64_t disk = std::uint64_t{16} << 30;   ///< Of one file it writes.
  std::uint64_t memory = std::uint64_t{2} << 30;  ///< Of heap; packs are mapped and do not count.
};

/// Runs `work` in a forked child and hands its frames to `receive` in this thread. libgit2 may hang, crash or be
/// exploited by a hostile repository: the child can write no file (but where `limits` says), run no program, use no
/// capability, dies with us and is killed at the limits or on cancel. Blocking; reaps the child on every path.
/// `doing` starts each error ("read git repository /x").
Status run_git_child(const std::string& doing, const CancelToken& cancel,
                     const GitChildLimits& limits,
                     const std::function<Status(const GitApi& git, FrameWriter& out)>& work,
                     const FrameHandler& receive);

}  // namespace slipway::runner
