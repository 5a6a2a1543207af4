#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/json.h"
#include "base/result.h"
#include "base/units.h"
#include "cachestore/image_config.h"
#include "cachestore/reference.h"

namespace slipway::cachestore {

/// The store: one directory (0700) with everything immutable that Slipway keeps.
///   <root>/store.db                 sqlite, WAL: images, snapshots, blobs
///   <root>/blobs/sha256/<hex>       OCI layout blob store (manifests, configs, layers)
///   <root>/snapshots/<id>/fs        an overlay lower directory; what lies beside it is a left-over of its making
///   <root>/drafts/<id>/{fs,work}    uppers being written; swept when their owner is dead (drafts/<owner>.lock)
///   <root>/runs/                    belongs to runner/
/// Several processes may use one store at once (sqlite locks and flock). All methods are thread-safe and blocking.
///
/// Ids on disk are container ids (0..65535), real owners on a root store; overlay metadata is in `trusted.overlay.*`
/// for root and `user.overlay.*` for an ordinary user (who calls from inside the engine's user namespace).

enum class SnapshotKind { kLayer, kWorkspace, kStep, kCache, kBase };

struct Snapshot {
  std::string id;  ///< [a-z0-9]{1,64}; also its directory name.
  SnapshotKind kind = SnapshotKind::kStep;
  std::string key;   ///< What made it; unique per kind when not empty.
  std::string path;  ///< Absolute path of its `fs` directory.
  Json metadata;
  WallTime created{};
};

/// An upper being filled. Dropping it removes its files. Its directory is on the store's file system.
class Draft {
 public:
  Draft(Draft&&) noexcept;
  Draft& operator=(Draft&&) noexcept;
  ~Draft();
  const std::string& id() const;
  std::string upper() const;  ///< ".../drafts/<id>/fs": overlay upperdir, mode 0755.
  std::string work() const;   ///< ".../drafts/<id>/work": overlay workdir.

 private:
  friend class Store;
  struct State;
  explicit Draft(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// Keeps snapshots from being pruned while held (shared flock on their directories; ends with the process).
class Lease {
 public:
  Lease();
  Lease(Lease&&) noexcept;
  Lease& operator=(Lease&&) noexcept;
  ~Lease();

 private:
  friend class Store;
  struct State;
  std::unique_ptr<State> state_;
};

struct Image {
  Digest id;        ///< Digest of the config, as docker's image id.
  Digest manifest;  ///< Digest of the manifest.
  std::vector<Reference> names;
  std::vector<Reference> digests;  ///< "name@sha256:…" in the registries it came from or went to.
  std::optional<Digest> parent;    ///< The image it was made from here, while that exists.
  ImageConfig config;
  std::vector<Digest> diff_ids;
  std::vector<Snapshot> layers;  ///< Bottom first; all present.
  std::vector<ByteCount> layer_sizes;
  ByteCount size;  ///< Sum of the layers' unpacked sizes.
  WallTime imported{};
};

struct ImportProgress {
  std::uint64_t bytes_read = 0;
  std::uint64_t total = 0;  ///< 0 when not known (a pipe).
  std::uint64_t entries = 0;
};

struct ImportRequest {
  int fd = -1;         ///< Borrowed; tar, gzip, zstd by content. May be a pipe.
  std::string source;  ///< For messages: the file's name.
  Reference name;
  ImageConfig
      config;  ///< env, cmd, … of the new image; architecture and os are filled in when empty.
  std::function<void(const ImportProgress&)> progress;
};

/// A step of an image's making. Its layer: a draft, a snapshot or a copy of a directory, at most one of them; none: the
/// step changed the config only.
struct ImageStep {
  std::optional<Draft> draft;  ///< Its upper becomes the layer.
  std::string snapshot;        ///< Becomes the layer as it is, and stays what it was.
  int upper_fd = -1;           ///< An overlay's upper, not written meanwhile. Borrowed.
  HistoryEntry
      history;  ///< `empty_layer` follows from the above; `created` is the config's when not set.
};
struct CreateImage {
  std::optional<Digest> parent;  ///< Image id; nothing: from scratch.
  std::vector<ImageStep> steps;
  ImageConfig config;  ///< All of it, but for `history`, which is the parent's and then the steps'.
  std::optional<Reference> name;  ///< Moves to the new image.
};

struct RemoveImage {
  bool force =
      false;  ///< Names go whoever uses the image; what is in use keeps its content until it is released.
  bool keep_parents = false;  ///< Else parents without names that nobody needs go as well.
  bool only_unused =
      false;  ///< Pruning: all names go, but only from what has no user, child or running container.
  bool only_unnamed = false;  ///< Pruning: an image that has a name is left alone (kConflict).
};

/// Limits for hostile archives; the defaults are what the default configuration says.
struct LayerLimits {
  ByteCount max_bytes = 64_GiB;  ///< Unpacked.
  std::uint64_t max_entries = 4'000'000;
  std::uint64_t max_ratio = 1'000;  ///< Unpacked to packed beyond 64 MiB.
  std::size_t max_name = 4'096;
  std::size_t max_depth = 256;
  Millis stall = std::chrono::minutes(5);  ///< Longest wait for a byte from a pipe.
  Millis total = std::chrono::hours(2);    ///< Longest unpacking.
};

struct StoreOptions {
  std::string root;
  LayerLimits limits;
  bool create = true;
};

enum class Durability {
  kFull,     ///< fsync before return: survives a power cut.
  kRelaxed,  ///< Survives kill -9; not found again after a reboot, because a power cut may have spoilt its files.
};

class Store {
 public:
  /// Creates or opens; checks owner and mode (0700), schema version, and sweeps drafts whose owner is dead.
  static Result<std::shared_ptr<Store>> open(const StoreOptions& options);
  ~Store();

  const std::string& root() const;

  // --- snapshots -------------------------------------------------------------------------------------------------
  Result<Draft> begin();
  /// Renames the draft's fs into place and records it. With a key that exists already, the existing one wins and the
  /// draft is dropped. The overlay that used the draft must be unmounted (or never written again).
  Result<Snapshot> commit(Draft draft, SnapshotKind kind, std::string key, Json metadata,
                          Durability durability);
  Result<std::optional<Snapshot>> find(SnapshotKind kind, const std::string& key);
  Result<Snapshot> get(const std::string& id);
  Result<Lease> lease(const std::vector<std::string>& ids);
  /// Removes snapshots of `kind` not used since `older_than` and not leased; returns bytes freed (approximate).
  struct PruneResult {
    std::uint64_t snapshots = 0;
    ByteCount freed;
  };
  Result<PruneResult> prune(SnapshotKind kind, WallTime older_than);

  // --- images ----------------------------------------------------------------------------------------------------
  /// `runner image import`: one layer from a root file system tar. Whole or not at all; the name moves atomically.
  Result<Image> import_image(const ImportRequest& request, const CancelToken& cancel);
  /// By name, name@digest, "sha256:…" id, or id prefix of at least 4 digits. kNotFound says so and offers a near name.
  Result<Image> image(const std::string& name_or_id);
  Result<std::vector<Image>> images();
  /// An image made here: `parent`'s layers and those of the steps. Whole or not at all. Only digests are computed:
  /// layers are packed when they leave the machine. architecture, os and created are filled in when empty.
  Result<Image> create_image(CreateImage request, const CancelToken& cancel);
  /// Untags or deletes as docker rmi does: a name goes, and with the last name the content. kConflict names what stands
  /// against it: users (below), images made from it, an id with names in several repositories.
  struct Removed {
    std::vector<std::string> untagged;
    std::vector<Digest> deleted;  ///< Image ids whose content went, too.
    ByteCount freed;
  };
  Result<Removed> remove_image(const std::string& name_or_id, const RemoveImage& how = {});
  /// Says that `user` ("container web") needs the image until release_image(), also when no process runs: it is then
  /// not removed and its layers stay. Both may be repeated.
  Status hold_image(const Digest& id, const std::string& user);
  Status release_image(const Digest& id, const std::string& user);
  /// Who holds images, by image.
  Result<std::map<Digest, std::vector<std::string>>> image_users();
  /// `runner image tag`.
  Status tag_image(const std::string& name_or_id, const Reference& name);
  /// Docker's inspect shape (one object).
  Result<Json> inspect_image(const std::string& name_or_id);

  /// Removes what nobody needs: layers and blobs that had no image for an hour, what dead processes left; and then,
  /// least recently used first, snapshots that are no image's layers, until those that stay take at most `keep`. What
  /// is leased, held or being written stays. Safe beside everything else.
  struct Collected {
    std::uint64_t snapshots = 0;
    std::uint64_t blobs = 0;
    ByteCount freed;
  };
  Result<Collected> collect(ByteCount keep);

  // --- blobs -----------------------------------------------------------------------------------------------------
  Result<Digest> put_blob(std::string_view data);
  /// Verified against its digest while it is read; kCorrupt names it.
  Result<std::string> read_blob(const Digest& digest, ByteCount limit);
  bool has_blob(const Digest& digest) const;

 private:
  friend struct StoreAccess;  // the room's other doors
  struct State;
  explicit Store(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace slipway::cachestore
