// The door to pulling: which image a name means, which of its layers are missing, and the one transaction in which it
// appears. How one layer is fetched and applied is layer_pull.cc's business.
#include <algorithm>
#include <map>

#include "base/text.h"
#include "cachestore/image/config_json.h"
#include "cachestore/image/image_access.h"
#include "cachestore/image/layout.h"
#include "cachestore/index/registry_rows.h"
#include "cachestore/transfer/crew.h"
#include "cachestore/transfer/layer_pull.h"
#include "cachestore/transfer/resolve_manifest.h"
#include "cachestore/transfer/store_access.h"

namespace slipway::cachestore {
namespace {

// A pull that nobody took up again for a week will not be.
constexpr Millis kStaleIngest = std::chrono::hours(24 * 7);
// Another process may remove an image, and with it a blob we found, before ours holds it.
constexpr int kTries = 3;

class Pull {
 public:
  Pull(StoreCore& core, Registry& registry, const PullRequest& request, TransferObserver* observer)
      : core_(core),
        registry_(registry),
        request_(request),
        observer_(observer),
        platform_(normalized(request.platform)),
        repository_(request.name.registry + "/" + request.name.repository) {}

  Result<Pulled> run(const CancelToken& cancel) {
    if (SLIP_TRY(look_up(cancel))) return std::move(pulled_);
    chosen_ =
        SLIP_TRY(resolve_manifest(registry_, request_.name, pulled_.digest, platform_, cancel));
    SLIP_TRY(read_config(cancel));
    SLIP_TRY(list_layers());
    for (int attempt = 1;; ++attempt) {
      SLIP_TRY(fetch_layers(cancel));
      Status recorded = record();
      if (recorded) break;
      if (recorded.error().code() != ErrorCode::kConflict || attempt == kTries) {
        return fail(std::move(recorded).error());
      }
    }
    pulled_.image = SLIP_TRY(load(config_digest().str()));
    pulled_.changed = true;
    return std::move(pulled_);
  }

 private:
  const Digest& config_digest() const { return chosen_.manifest.config.digest; }

  /// True: the image is here, nothing is to be fetched. A digest that is known needs no question at all.
  Result<bool> look_up(const CancelToken& cancel) {
    if (request_.name.digest) {
      pulled_.digest = *request_.name.digest;
    } else {
      const auto found = SLIP_TRY(registry_.find_manifest(request_.name, cancel));
      if (!found) return fail(ErrorCode::kNotFound, "the registry has no such image");
      pulled_.digest = found->digest;
    }
    const auto id = SLIP_TRY(core_.index.with([&](Database& database) {
      return registry_rows::image_of_digest(database, repository_, pulled_.digest.str(),
                                            platform_.str());
    }));
    if (!id) return false;
    auto image = load(*id);
    // Damaged: pulling it again repairs it.
    if (!image && image.error().code() == ErrorCode::kCorrupt) return false;
    if (!image) return fail(std::move(image).error());
    pulled_.layers = pulled_.layers_present = image->layers.size();
    if (observer_ != nullptr) observer_->layers(pulled_.layers, pulled_.layers);
    const auto& names = image->names;
    const bool named = request_.name.tag.empty() ||
                       std::any_of(names.begin(), names.end(), [&](const Reference& name) {
                         return name.canonical() == tagged().canonical();
                       });
    if (!named) {
      Status moved = core_.index.with([&](Database& database) {
        return database.transaction(SyncMode::kFull, [&]() -> Status {
          SLIP_TRY(image_rows::set_name(database, tagged().canonical(), *id));
          return write_layout_index(core_, database);
        });
      });
      SLIP_TRY(std::move(moved));
      image = load(*id);
      if (!image) return fail(std::move(image).error());
      pulled_.changed = true;
    }
    pulled_.image = *std::move(image);
    return true;
  }

  Reference tagged() const {
    Reference name = request_.name;
    name.digest.reset();
    return name;
  }

  Result<Image> load(const std::string& id) {
    return core_.index.with([&](Database& database) -> Result<Image> {
      const auto row = SLIP_TRY(image_rows::by_id(database, id));
      if (!row) return fail(ErrorCode::kCorrupt, "read image " + id + ": it was removed");
      return load_image(core_, database, *row);
    });
  }

  Status read_config(const CancelToken& cancel) {
    const RemoteDescriptor& config = chosen_.manifest.config;
    if (config.media_type != kConfigType && config.media_type != kDockerConfigType) {
      return fail(ErrorCode::kUnsupported, "read manifest " + chosen_.digest.str() +
                                               ": its config is \"" + printable(config.media_type) +
                                               "\", so it is an artifact and no image");
    }
    auto kept = core_.blobs.read(config.digest, kMaxConfig);
    if (kept) {
      config_ = *std::move(kept);
    } else {
      config_ = SLIP_TRY(fetch_small_blob(registry_, request_.name, config, kMaxConfig, cancel));
      pulled_.bytes += config_.size();
    }
    if (config_.size() != config.size) {
      return fail(ErrorCode::kCorrupt, "read image config " + config.digest.str() + ": it has " +
                                           std::to_string(config_.size()) +
                                           " bytes, the manifest says " +
                                           std::to_string(config.size));
    }
    ParsedConfig parsed = SLIP_TRY(parse_config(config_, config.digest.str()));
    diff_ids_ = std::move(parsed.diff_ids);
    return check_platform(parsed.config);
  }

  // A manifest without an index is taken as it is, as docker does, unless a platform was asked for.
  Status check_platform(const ImageConfig& config) const {
    const Platform made_for = normalized({config.os, config.architecture, ""});
    const bool asked = platform_ != normalized(Platform::host());
    const bool wrong_system = !made_for.os.empty() && made_for.os != platform_.os;
    const bool wrong_machine =
        asked && !made_for.architecture.empty() && made_for.architecture != platform_.architecture;
    if (!wrong_system && !wrong_machine) return {};
    return fail(ErrorCode::kNotFound,
                "no image for " + platform_.str() + "; there is " + printable(made_for.str()));
  }

  Status list_layers() {
    const auto& layers = chosen_.manifest.layers;
    if (layers.size() != diff_ids_.size()) {
      return fail(ErrorCode::kInvalid,
                  "read manifest " + chosen_.digest.str() + ": " + std::to_string(layers.size()) +
                      " layers, but its config names " + std::to_string(diff_ids_.size()));
    }
    std::map<Digest, Digest> seen;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      SLIP_TRY(layer_form(layers[i]));
      if (layers[i].size > core_.limits.max_bytes.value) {
        return fail(ErrorCode::kExhausted, "layer " + layers[i].digest.str() + " is larger than " +
                                               format_size(core_.limits.max_bytes));
      }
      const auto [known, fresh] = seen.emplace(layers[i].digest, diff_ids_[i]);
      if (fresh) jobs_.push_back({layers[i], diff_ids_[i]});
      if (known->second != diff_ids_[i]) {
        return fail(ErrorCode::kInvalid, "read manifest " + chosen_.digest.str() + ": layer " +
                                             layers[i].digest.str() + " has two diff IDs");
      }
    }
    return {};
  }

  Status fetch_layers(const CancelToken& cancel) {
    leases_.clear();
    std::vector<const LayerJob*> missing;
    std::vector<const LayerJob*> present;
    for (const LayerJob& job : jobs_) {
      auto lease = SLIP_TRY(LayerPull::find(core_, job));
      (lease ? present : missing).push_back(&job);
      if (lease) leases_.push_back(*std::move(lease));
    }
    if (pulled_.layers == 0) {
      pulled_.layers = jobs_.size();
      pulled_.layers_present = present.size();
      if (observer_ != nullptr) observer_->layers(jobs_.size(), present.size());
      for (const LayerJob* job : present) {
        LayerReporter(observer_, job->blob.digest, job->blob.size)
            .state(LayerProgress::State::kPresent, job->blob.size);
      }
    }
    if (missing.empty()) return {};
    (void)sweep_ingest(core_, kStaleIngest);
    const CancelToken stop = cancel.child();
    std::atomic<std::uint64_t> received = 0;
    Guarded<std::vector<Fd>> leases;
    Status done = Crew(missing.size(), stop).run(request_.parallel, [&](std::size_t i) -> Status {
      LayerPull layer(core_, registry_, request_.name, *missing[i], observer_);
      auto lease = layer.run(stop);
      received += layer.received();
      if (!lease) return fail(std::move(lease).error());
      leases.with([&](std::vector<Fd>& all) { all.push_back(*std::move(lease)); });
      return {};
    });
    pulled_.bytes += received;
    if (done && cancel.cancelled()) done = fail(ErrorCode::kCancelled, "cancelled");
    SLIP_TRY(std::move(done));
    leases.with([&](std::vector<Fd>& all) {
      std::move(all.begin(), all.end(), std::back_inserter(leases_));
    });
    return {};
  }

  /// Everything to disk, then everything visible.
  Status record() {
    const std::int64_t now = to_millis(real_clock().wall());
    StagedBlob config = SLIP_TRY(StagedBlob::write(core_, config_));
    StagedBlob manifest = SLIP_TRY(StagedBlob::write(core_, chosen_.bytes));
    if (SLIP_TRY(unsynced())) SLIP_TRY(sync_store(core_));
    Status done = core_.index.with([&](Database& database) {
      return database.transaction(SyncMode::kFull, [&]() -> Status {
        SLIP_TRY(confirm_layers(database));
        SLIP_TRY(config.place(database, now));
        SLIP_TRY(manifest.place(database, now));
        SLIP_TRY(write_rows(database, now));
        SLIP_TRY(write_layout_index(core_, database));
        SLIP_TRY(core_.blobs.sync_names());
        return sync_snapshot_names(core_);
      });
    });
    if (!done) core_.yard->leave_for_sweep();  // blobs may be in place without a row
    return done;
  }

  // Syncing takes as long as everything else on the file system has to be written.
  Result<bool> unsynced() {
    return core_.index.with([&](Database& database) -> Result<bool> {
      for (const LayerJob& job : jobs_) {
        const auto row = SLIP_TRY(snapshot_rows::layer(database, job.diff_id.str()));
        if (row && !row->boot.empty()) return true;
        if (SLIP_TRY(pull_rows::blob_relaxed(database, job.blob.digest.str()))) return true;
      }
      return false;
    });
  }

  Status confirm_layers(Database& database) {
    for (const LayerJob& job : jobs_) {
      const std::string digest = job.blob.digest.str();
      const auto row = SLIP_TRY(snapshot_rows::layer(database, job.diff_id.str()));
      if (!SLIP_TRY(pull_rows::blob_trusted(database, digest, boot_id())) || !row ||
          !usable(core_, *row)) {
        return fail(ErrorCode::kConflict, "layer " + digest + " was removed meanwhile; try again");
      }
      SLIP_TRY(pull_rows::confirm(database, digest, job.diff_id.str()));
      SLIP_TRY(registry_rows::put_blob_repository(database, digest, repository_));
    }
    return registry_rows::put_blob_repository(database, config_digest().str(), repository_);
  }

  Status write_rows(Database& database, std::int64_t now) {
    ImageRow row;
    row.id = config_digest().str();
    row.manifest = chosen_.digest.str();
    row.created = now;
    std::vector<std::string> blobs = {row.id, row.manifest};
    for (const Digest& diff_id : diff_ids_) row.diff_ids.push_back(diff_id.str());
    for (const LayerJob& job : jobs_) blobs.push_back(job.blob.digest.str());
    SLIP_TRY(image_rows::put(database, row, blobs));
    if (!request_.name.tag.empty()) {
      SLIP_TRY(image_rows::set_name(database, tagged().canonical(), row.id));
    }
    SLIP_TRY(registry_rows::put_digest(database, repository_, row.manifest, "", row.id));
    if (pulled_.digest == chosen_.digest) return {};
    return registry_rows::put_digest(database, repository_, pulled_.digest.str(), platform_.str(),
                                     row.id);
  }

  StoreCore& core_;
  Registry& registry_;
  const PullRequest& request_;
  TransferObserver* observer_;
  Platform platform_;
  std::string repository_;
  Pulled pulled_;
  ChosenManifest chosen_;
  std::string config_;
  std::vector<Digest> diff_ids_;
  std::vector<LayerJob> jobs_;  ///< Each blob once.
  std::vector<Fd> leases_;
};

}  // namespace

Result<Pulled> pull_image(Store& store, Registry& registry, const PullRequest& request,
                          TransferObserver* observer, const CancelToken& cancel) {
  StoreCore& core = StoreAccess::core(store);
  auto pulled = Pull(core, registry, request, observer).run(cancel);
  if (pulled) return pulled;
  Error error = std::move(pulled).error();
  const bool full = error.sys_errno() == ENOSPC || error.sys_errno() == EDQUOT;
  std::string doing = "pull " + request.name.familiar();
  if (full) doing += ": disk full at " + core.root;
  return fail(std::move(error).within(doing));
}

}  // namespace slipway::cachestore
