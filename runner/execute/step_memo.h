#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runner/cache/caches.h"
#include "runner/execute/exchange.h"
#include "runner/execute/run_step.h"

namespace slipway::runner {

/// One of the things that a step's result depends on.
struct MemoPart {
  std::string name;    ///< "image", "env CC", "input src/a.c"
  std::string shown;   ///< For people; empty for what is long or secret.
  std::string digest;  ///< Of the value; salted, so that no secret can be guessed from it.
};

/// What is about to run, as far as its result depends on it.
struct MemoSubject {
  const StepImage& image;
  const StepEnvironment& environment;
  const std::vector<std::string>& argv;
  std::string cwd;
  std::string user;
};

/// What a step that succeeded left, kept for when the same would run again.
struct MemoResult {
  std::string root_layer;  ///< Snapshot, or empty: nothing was written there.
  std::string work_layer;
  ExchangeResult written;
  std::vector<std::pair<std::string, std::string>> log;  ///< Stream and line, masked.
  double seconds = 0;
};

/// `memo: true` and `inputs:`: is there a result of the same step already? Trouble is a notice, never a failure.
class StepMemo {
 public:
  static bool asked(const pipeline::StepPlan& step) { return step.memo || !step.inputs.empty(); }
  static Result<StepMemo> ask(const RunContext& run, const JobState& state,
                              const StepRequest& request, const MemoSubject& subject);

  /// The earlier result; its snapshots are leased while this is.
  const std::optional<MemoResult>& known() const { return known_; }
  const std::vector<cachestore::Snapshot>& layers() const { return hit_->layers; }
  /// "reused from run …", or the first difference from the last time: for logs and `why-miss`.
  const std::string& verdict() const { return verdict_; }
  /// Keeps a new result.
  Status keep(const RunContext& run, const StepRequest& request, const MemoResult& result) const;

 private:
  Status find(const RunContext& run);
  void compare(const RunContext& run, const StepRequest& request);
  std::vector<MemoPart> parts_;
  std::string key_;
  std::string verdict_;
  std::optional<CacheHit> hit_;
  std::optional<MemoResult> known_;
};

/// Lines of a step while they are kept for a memo; beyond the limit it gives up.
class MemoLog {
 public:
  static constexpr std::size_t kMaxBytes =
      std::size_t{4} << 20;  ///< More is no longer cheap to keep and say again.
  void add(const std::string& stream, const std::string& line);
  bool complete() const { return bytes_ <= kMaxBytes; }
  const std::vector<std::pair<std::string, std::string>>& lines() const { return lines_; }

 private:
  std::size_t bytes_ = 0;
  std::vector<std::pair<std::string, std::string>> lines_;
};

}  // namespace slipway::runner
