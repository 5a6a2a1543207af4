// What old runs leave is bounded.
#include "runner/execute/housekeeping.h"

#include <algorithm>
#include <set>

#include "base/files.h"
#include "runner/execute/journal.h"

namespace slipway::runner {
namespace {

// Enough to debug yesterday's failures; each costs only what its steps wrote.
constexpr std::size_t kKeptRuns = 20;
// Tidied in batches, so that most runs pay nothing for it.
constexpr std::size_t kBatch = 10;

}  // namespace

void tidy_old_runs(cachestore::Store& store, const std::string& runs_dir) {
  const Result<std::vector<std::string>> ids = list_runs(runs_dir);
  if (!ids || ids->size() < kKeptRuns + kBatch) return;
  for (std::size_t i = kKeptRuns; i < ids->size(); ++i)
    (void)remove_tree(runs_dir + "/" + (*ids)[i]);
  // Step snapshots are made during a run: what is older than the oldest kept run belongs to none of them.
  struct stat oldest {};
  const std::string journal = runs_dir + "/" + (*ids)[kKeptRuns - 1] + "/journal.jsonl";
  if (::stat(journal.c_str(), &oldest) != 0) return;
  const auto started =
      std::chrono::system_clock::from_time_t(oldest.st_mtim.tv_sec) - std::chrono::hours(24);
  (void)store.prune(cachestore::SnapshotKind::kStep, started);
}

}  // namespace slipway::runner
