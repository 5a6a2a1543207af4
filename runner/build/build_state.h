#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/guarded.h"
#include "runner/build/build.h"
#include "runner/build/export.h"
#include "runner/build/records.h"
#include "runner/build/vertices.h"
#include "runner/logs/masker.h"

namespace slipway::runner {

/// Why a build failed, with the place and what somebody needs to look at it.
struct BuildTrouble {
  Error error;
  pipeline::Span span;
  int exit_code = 1;
  std::vector<std::string> last_lines;  ///< Of the command, masked.
  Json debug;  ///< For `runner debug`: stack, env, …; null when there is nothing to look at.
};

/// Steps that are being made: whoever wants the same one waits and then finds it.
class StepsInFlight {
 public:
  class Turn {
   public:
    Turn(StepsInFlight& flights, const Digest& key) : flights_(flights), key_(key) {}
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    StepsInFlight& flights_;
    Digest key_;
  };
  /// Blocks while another thread has this key.
  std::unique_ptr<Turn> enter(const Digest& key);

 private:
  std::mutex mutex_;
  std::condition_variable left_;
  std::set<Digest> keys_;
};

/// What all parts of one build share.
struct BuildState {
  BuildState(const BuildPlace& where, const BuildRequest& what, Vertices& said,
             const CancelToken& outer)
      : place(where),
        request(what),
        vertices(said),
        cancel(outer.child()),
        records(where.state_dir) {}

  const BuildPlace& place;
  const BuildRequest& request;
  Vertices& vertices;
  CancelToken cancel;  ///< Fires with the caller's, and at the first failure.
  BuildRecords records;
  std::string id;  ///< Of this build.
  WallTime started = real_clock().wall();
  BuildContext context;
  pipeline::Dockerfile dockerfile;
  SecretSet mask;
  std::optional<WallTime> epoch;  ///< SOURCE_DATE_EPOCH
  StepsInFlight flights;
  Guarded<std::map<std::string, std::shared_ptr<BuildContext>>> named_contexts;
  Guarded<std::vector<cachestore::Lease>> leases;
  Guarded<std::optional<BuildTrouble>> trouble;  ///< The first one.
  std::vector<ImportedCache> imported;
  std::map<std::string, std::pair<std::size_t, std::size_t>> imported_keys;  ///< Cache and record.
  /// Steps of this build in any order, for its record, the export of caches and "why was this not found".
  struct DoneStep {
    std::string place;  ///< Platform, stage and number: the same in the next build.
    std::string name;
    Digest key;
    BuildStepRecord record;
    bool cached = false;
    std::string why;  ///< Not cached: the first input that differs.
    bool in_target = false;
  };
  Guarded<std::vector<DoneStep>> done;
  std::map<std::string, CacheKey::Parts> last_parts;  ///< Of the build before, by place.

  const std::string* secret(const std::string& name) const;
  /// Remembers the first trouble and ends everything else.
  void fail_with(BuildTrouble trouble);
  /// Keeps the snapshot from being pruned until the build ends.
  Status keep(const std::string& snapshot);
  /// Opened once.
  Result<std::shared_ptr<BuildContext>> named_context(const std::string& name);
};

}  // namespace slipway::runner
