// Small blobs: staged in the draft yard, placed inside a transaction.
#include <fcntl.h>
#include <unistd.h>

#include "base/files.h"
#include "cachestore/image/image_access.h"

namespace slipway::cachestore {

Result<StagedBlob> StagedBlob::write(const StoreCore& core, std::string_view data) {
  StagedBlob blob(core);
  blob.digest_ = Digest::of(data);
  blob.size_ = data.size();
  blob.name_ = SLIP_TRY(core.yard->new_id());
  const Fd fd = SLIP_TRY(
      open_at(core.yard->fd(), blob.name_, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  const std::string shown = core.yard->path() + "/" + blob.name_;
  SLIP_TRY(write_all(fd.get(), data, shown));
  if (::fsync(fd.get()) != 0) return fail_errno("sync " + shown);
  return blob;
}

StagedBlob::StagedBlob(StagedBlob&& other) noexcept
    : core_(other.core_),
      name_(std::exchange(other.name_, {})),
      digest_(other.digest_),
      size_(other.size_) {}

StagedBlob::~StagedBlob() {
  if (!name_.empty()) ::unlinkat(core_->yard->fd(), name_.c_str(), 0);
}

Status StagedBlob::place(Database& database, std::int64_t now) {
  SLIP_TRY(core_->blobs.place(core_->yard->fd(), name_, digest_));
  name_.clear();
  return blob_rows::put(database, {digest_.str(), static_cast<std::int64_t>(size_), {}}, now);
}

Result<Digest> Store::put_blob(std::string_view data) {
  StoreCore& core = *state_->core;
  StagedBlob blob = SLIP_TRY(StagedBlob::write(core, data));
  Status done = core.index.with([&](Database& database) {
    return database.transaction(SyncMode::kFull, [&]() -> Status {
      SLIP_TRY(blob.place(database, to_millis(real_clock().wall())));
      return core.blobs.sync_names();
    });
  });
  if (!done) core.yard->leave_for_sweep();  // the blob may be in place without a row
  SLIP_TRY(std::move(done));
  return blob.digest();
}

Result<std::string> Store::read_blob(const Digest& digest, ByteCount limit) {
  return state_->core->blobs.read(digest, limit);
}

bool Store::has_blob(const Digest& digest) const { return state_->core->blobs.has(digest); }

}  // namespace slipway::cachestore
