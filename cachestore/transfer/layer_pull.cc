// One layer's way into the store. Two threads feed it (network -> file, file -> plain tar) and the caller's applies it;
// on two processors decompression sets the pace.
#include "cachestore/transfer/layer_pull.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <thread>

#include "base/files.h"
#include "cachestore/index/registry_rows.h"

namespace slipway::cachestore {
namespace {

constexpr Millis kReportEvery{100};
// The kernel starts to write a file back after seconds; asking for it keeps the disk busy while the network is.
constexpr std::uint64_t kWriteBack = std::uint64_t{8} << 20;

// Appends what arrives to the file and tells the reader; never more than was promised.
class FileSink : public BlobSink {
 public:
  FileSink(int fd, std::uint64_t have, std::uint64_t size, const std::string& name,
           Arrival& arrival, LayerReporter& report, std::atomic<std::uint64_t>& received)
      : fd_(fd),
        have_(have),
        size_(size),
        name_(name),
        arrival_(arrival),
        report_(report),
        received_(received) {}

  Status write(std::string_view data) override {
    if (data.size() > size_ - have_) {
      return fail(ErrorCode::kCorrupt, "fetch " + name_ + ": more than the " +
                                           std::to_string(size_) + " bytes of its descriptor");
    }
    received_ += data.size();
    if (std::exchange(broken_, false)) report_.state(LayerProgress::State::kDownloading, have_);
    while (!data.empty()) {
      const ssize_t n = ::pwrite(fd_, data.data(), data.size(), static_cast<off_t>(have_));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail_errno("write " + name_);
      have_ += static_cast<std::uint64_t>(n);
      data.remove_prefix(static_cast<std::size_t>(n));
    }
    if (have_ - written_back_ >= kWriteBack) {
      ::sync_file_range(fd_, static_cast<off64_t>(written_back_),
                        static_cast<off64_t>(have_ - written_back_), SYNC_FILE_RANGE_WRITE);
      written_back_ = have_;
    }
    arrival_.grew(have_);
    report_.bytes(have_);
    return {};
  }
  void retrying(const std::string& why) override {
    broken_ = true;
    report_.state(LayerProgress::State::kRetrying, have_, why);
  }
  std::uint64_t have() const { return have_; }

 private:
  int fd_;
  std::uint64_t have_;
  std::uint64_t size_;
  std::uint64_t written_back_ = 0;
  bool broken_ = false;
  const std::string& name_;
  Arrival& arrival_;
  LayerReporter& report_;
  std::atomic<std::uint64_t>& received_;
};

// Fetches in a thread of its own until dropped.
class Fetcher {
 public:
  template <typename F>
  Fetcher(const CancelToken& stop, F&& body) : stop_(stop), thread_(std::forward<F>(body)) {}
  ~Fetcher() {
    stop_.cancel(CancelLevel::kTerminate);
    thread_.join();
  }

 private:
  CancelToken stop_;
  std::thread thread_;
};

bool form_fits(LayerForm form, Compression compression) {
  switch (form) {
    case LayerForm::kTar:
      return compression == Compression::kNone;
    case LayerForm::kTarGzip:
      return compression == Compression::kGzip;
    case LayerForm::kTarZstd:
      return compression == Compression::kZstd;
    case LayerForm::kAnyTar:
      return true;
  }
  return false;
}

// Whether what was received is at fault, so that keeping it would only repeat the error.
bool spoilt(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kCorrupt:
    case ErrorCode::kInvalid:
    case ErrorCode::kUnsupported:
    case ErrorCode::kExhausted:
      return true;
    default:
      return false;
  }
}

}  // namespace

void LayerReporter::state(LayerProgress::State state, std::uint64_t done, std::string note) {
  if (observer_ == nullptr) return;
  LayerProgress progress = shown_.with([&](Shown& shown) {
    shown.progress.state = state;
    shown.progress.done = done;
    shown.progress.note = std::move(note);
    return shown.progress;
  });
  observer_->layer(progress);
}

void LayerReporter::bytes(std::uint64_t done) {
  if (observer_ == nullptr) return;
  const MonoTime now = real_clock().mono();
  const auto progress = shown_.with([&](Shown& shown) -> std::optional<LayerProgress> {
    shown.progress.done = done;
    if (now - shown.last < kReportEvery) return std::nullopt;
    shown.last = now;
    return shown.progress;
  });
  if (progress) observer_->layer(*progress);
}

void LayerReporter::rename(const Digest& layer, std::uint64_t total) {
  shown_.with([&](Shown& shown) {
    shown.progress.layer = layer;
    shown.progress.total = total;
  });
}

LayerPull::LayerPull(StoreCore& core, Registry& registry, const Reference& from,
                     const LayerJob& job, TransferObserver* observer)
    : core_(core),
      registry_(registry),
      from_(from),
      job_(job),
      report_(observer, job.blob.digest, job.blob.size),
      name_("layer " + job.blob.digest.str()) {}

Result<std::optional<Fd>> LayerPull::find(StoreCore& core, const LayerJob& job) {
  using Maybe = std::optional<Fd>;
  return core.index.with([&](Database& database) -> Result<Maybe> {
    if (!SLIP_TRY(pull_rows::blob_trusted(database, job.blob.digest.str(), boot_id())) ||
        !core.blobs.has(job.blob.digest)) {
      return Maybe();
    }
    const auto row = SLIP_TRY(snapshot_rows::layer(database, job.diff_id.str()));
    if (!row || !usable(core, *row)) return Maybe();
    Fd lease(
        ::openat(core.snapshots_fd.get(), row->id.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!lease.valid() || ::flock(lease.get(), LOCK_SH | LOCK_NB) != 0) return Maybe();
    return Maybe(std::move(lease));
  });
}

Result<Fd> LayerPull::run(const CancelToken& cancel) {
  report_.state(LayerProgress::State::kWaiting, 0);
  {
    bool told = false;
    const auto waiting = [&](std::uint64_t have) {
      if (!std::exchange(told, true)) {
        report_.state(LayerProgress::State::kDownloading, have, "by another pull");
      }
      report_.bytes(have);
    };
    IngestFile file = SLIP_TRY(IngestFile::lock(core_, job_.blob.digest, waiting, cancel));
    if (auto lease = SLIP_TRY(find(core_, job_))) {
      file.discard();
      report_.state(LayerProgress::State::kPresent, job_.blob.size);
      return *std::move(lease);
    }
    Status done = take(file, cancel);
    if (!done) {
      file.discard_if_empty();
      return fail(std::move(done).error());
    }
  }
  auto lease = SLIP_TRY(find(core_, job_));
  if (!lease) return fail(ErrorCode::kConflict, name_ + " was removed as soon as it was here");
  report_.state(LayerProgress::State::kDone, job_.blob.size);
  return *std::move(lease);
}

// What an earlier process left may be damaged (a power cut): then once more from the first byte.
Status LayerPull::take(IngestFile& file, const CancelToken& cancel) {
  const bool blob_here =
      SLIP_TRY(core_.index.with([&](Database& database) {
        return pull_rows::blob_trusted(database, job_.blob.digest.str(), boot_id());
      })) &&
      core_.blobs.has(job_.blob.digest);
  if (file.size() > job_.blob.size) SLIP_TRY(file.restart());
  Origin origin = blob_here ? Origin::kBlob : Origin::kRegistry;
  for (;;) {
    const bool old_bytes = origin == Origin::kBlob || file.size() > 0;
    DraftHandle draft;
    draft.yard = core_.yard;
    draft.id = SLIP_TRY(core_.yard->create());
    Applied applied;
    Status done = attempt(file, origin, draft, applied, cancel);
    if (done) return record(file, origin, draft, applied);
    if (!spoilt(done.error())) return done;
    if (!old_bytes || done.error().sys_errno() != 0) {
      file.discard();
      return done;
    }
    report_.state(LayerProgress::State::kRetrying, 0, "what was kept of it is damaged");
    SLIP_TRY(file.restart());
    origin = Origin::kRegistry;
  }
}

Status LayerPull::attempt(IngestFile& file, Origin origin, DraftHandle& draft, Applied& applied,
                          const CancelToken& cancel) {
  const Fd fs = SLIP_TRY(open_at(core_.yard->fd(), draft.id + "/fs", O_RDONLY | O_DIRECTORY));
  Fd blob;
  if (origin == Origin::kBlob) {
    blob = SLIP_TRY(open_at(core_.blobs.fd(), job_.blob.digest.hex(), O_RDONLY | O_NOFOLLOW));
  }
  const std::uint64_t have = origin == Origin::kBlob ? job_.blob.size : file.size();
  Taken taken = SLIP_TRY(stream(blob.valid() ? blob.get() : file.fd(), have, fs.get(), cancel));
  SLIP_TRY(check(taken));
  applied = std::move(taken.applied);
  return {};
}

Result<LayerPull::Taken> LayerPull::stream(int fd, std::uint64_t have, int target_fd,
                                           const CancelToken& cancel) {
  const CancelToken stop = cancel.child();
  Arrival arrival(have);
  ArrivingSource source(fd, name_, arrival, stop, core_.limits.total);
  const auto fetch = [&] {
    if (have == job_.blob.size) return arrival.end({});
    FileSink sink(fd, have, job_.blob.size, name_, arrival, report_, received_);
    Status done = registry_.fetch_blob(from_, job_.blob, have, sink, stop);
    if (done && sink.have() != job_.blob.size) {
      done = fail(ErrorCode::kCorrupt, "fetch " + name_ + ": only " + std::to_string(sink.have()) +
                                           " of the " + std::to_string(job_.blob.size) +
                                           " bytes of its descriptor");
    }
    if (done) report_.state(LayerProgress::State::kExtracting, source.bytes());
    arrival.end(std::move(done));
  };
  report_.state(have == job_.blob.size ? LayerProgress::State::kExtracting
                                       : LayerProgress::State::kDownloading,
                have);
  const Fetcher fetcher(stop, fetch);
  ApplyRequest apply;
  apply.source = name_;
  apply.target_fd = target_fd;
  apply.xattrs = overlay_xattrs_here();
  apply.limits = core_.limits;
  apply.write_back = WriteBack::kSoon;
  Taken taken;
  taken.applied = SLIP_TRY(apply_source(source, apply, HashPlain::kYes, {}, stop));
  taken.bytes = source.bytes();
  taken.blob = source.digest();
  if (taken.applied.compression == Compression::kNone) taken.applied.diff_id = taken.blob;
  return taken;
}

// Spec: OCI image-spec, descriptor.md "Verification" and config.md "Layer DiffID".
Status LayerPull::check(const Taken& taken) const {
  const auto corrupt = [&](const std::string& cause) {
    return fail(ErrorCode::kCorrupt, "verify " + name_ + ": " + cause);
  };
  if (taken.bytes != job_.blob.size) {
    return corrupt("it ends after " + std::to_string(taken.bytes) + " of " +
                   std::to_string(job_.blob.size) + " bytes");
  }
  if (taken.blob != job_.blob.digest) return corrupt("its content is " + taken.blob.str());
  if (taken.applied.diff_id != job_.diff_id) {
    return corrupt("unpacked it is " + taken.applied.diff_id.str() + ", the config says " +
                   job_.diff_id.str());
  }
  if (!form_fits(SLIP_TRY(layer_form(job_.blob)), taken.applied.compression)) {
    return corrupt("it is not compressed as its media type " + job_.blob.media_type + " says");
  }
  return {};
}

Status LayerPull::record(const IngestFile& file, Origin origin, DraftHandle& draft,
                         const Applied& applied) {
  SnapshotRow row =
      new_row(draft, SnapshotKind::kLayer, job_.diff_id.str(), "{}", Durability::kRelaxed);
  row.bytes = static_cast<std::int64_t>(applied.stats.bytes);
  std::optional<Placement> placement;
  std::string grave;
  Status done = core_.index.with([&](Database& database) {
    return database.transaction(SyncMode::kNormal, [&]() -> Status {
      if (origin == Origin::kRegistry) {
        SLIP_TRY(file.place(core_, job_.blob.digest));
        const auto size = static_cast<std::int64_t>(job_.blob.size);
        SLIP_TRY(pull_rows::put_blob(database, {job_.blob.digest.str(), size, job_.diff_id.str()},
                                     row.created, boot_id()));
      }
      const auto known = SLIP_TRY(snapshot_rows::layer(database, row.key));
      if (known && usable(core_, *known)) {
        return snapshot_rows::touch(database, known->id, row.used);
      }
      if (const auto stale = SLIP_TRY(snapshot_rows::by_key(database, row.kind, row.key))) {
        grave = SLIP_TRY(forget_snapshot(core_, database, stale->id));
      }
      placement.emplace(SLIP_TRY(Placement::make(core_, database, draft, row)));
      return {};
    });
  });
  if (!done) core_.yard->leave_for_sweep();  // the blob may be in place without a row
  SLIP_TRY(std::move(done));
  if (placement) placement->keep();
  if (!grave.empty()) core_.yard->discard(grave);
  file.discard();
  return {};
}

}  // namespace slipway::cachestore
