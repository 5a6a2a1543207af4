#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/result.h"
#include "runner/build/cache_key.h"

namespace slipway::runner {

/// What builds remember, as small files below <state>/builds:
///   steps/ab/cdef…     key of a step -> its snapshot and what its successors' keys stand on
///   trees/ab/cdef…     digest of a selection of immutable snapshots (reading them again is the slow part)
///   images/ab/cdef…    everything an image is made of -> its id
///   last/<subject>     the steps of the newest build of one Dockerfile, to say why one of them was not found
///   <id>/record.json   one build
/// All of it can be lost without harm; a file that cannot be read is not there. Nothing is fsynced: what a power cut
/// spoils is not there either.
struct BuildStepRecord {
  std::string snapshot;  ///< Id in the store.
  Digest content;        ///< What the next step's key stands on.
  WallTime created{};
  CacheKey::Parts parts;
};

class BuildRecords {
 public:
  explicit BuildRecords(const std::string& state_dir) : root_(state_dir + "/builds") {}

  std::optional<BuildStepRecord> find_step(const Digest& key) const;
  Status put_step(const Digest& key, const BuildStepRecord& record) const;
  std::optional<Digest> find_tree(const Digest& key) const { return find_digest("trees", key); }
  Status put_tree(const Digest& key, const Digest& digest) const {
    return put("trees", key, digest.str());
  }
  std::optional<Digest> find_image(const Digest& key) const { return find_digest("images", key); }
  Status put_image(const Digest& key, const Digest& image) const {
    return put("images", key, image.str());
  }
  std::optional<Json> find_last(const Digest& subject) const;
  Status put_last(const Digest& subject, const Json& steps) const;
  /// `<id>/record.json`; the oldest builds beyond kKeptBuilds go.
  Status put_build(const std::string& id, const Json& record) const;
  /// By id, a unique part of it, or "last" and "": the newest.
  Result<Json> find_build(const std::string& id) const;

  static constexpr std::size_t kKeptBuilds = 50;

 private:
  std::string path(const char* kind, const Digest& key) const;
  std::optional<Digest> find_digest(const char* kind, const Digest& key) const;
  Status put(const char* kind, const Digest& key, const std::string& text) const;
  std::vector<std::string> builds() const;  ///< Ids, oldest first.

  std::string root_;
};

}  // namespace slipway::runner
